package issue

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

var (
	errTooDeep = errors.New("elements are nested too deep")
	errDoctype = errors.New("a document type, with its entities, has no place in a Word file")
)

// xmlReader walks through an XML part without keeping it. Entities are never
// expanded: encoding/xml knows only the five of XML itself.
type xmlReader struct {
	dec   *xml.Decoder
	depth int
}

func newXMLReader(data []byte) *xmlReader {
	return &xmlReader{dec: xml.NewDecoder(bytes.NewReader(data))}
}

// each gives the children of the element that was opened last to do, which reads
// or skips each to its end.
func (r *xmlReader) each(do func(xml.StartElement) error) error {
	if r.depth++; r.depth > maxDepth {
		return errTooDeep
	}
	defer func() { r.depth-- }()
	for {
		token, err := r.dec.Token()
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.StartElement:
			if err := do(t); err != nil {
				return err
			}
		case xml.EndElement:
			return nil
		case xml.Directive:
			return errDoctype
		}
	}
}

// document gives the top element to do.
func (r *xmlReader) document(do func(xml.StartElement) error) error {
	if err := r.each(do); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

func (r *xmlReader) skip() error { return r.dec.Skip() }

// text returns the characters of the element that was opened last.
func (r *xmlReader) text() (string, error) {
	var b strings.Builder
	for {
		token, err := r.dec.Token()
		if err != nil {
			return "", err
		}
		switch t := token.(type) {
		case xml.CharData:
			b.Write(t)
		case xml.StartElement:
			if err := r.skip(); err != nil {
				return "", err
			}
		case xml.EndElement:
			return b.String(), nil
		}
	}
}

// attr is the value of an attribute in whatever namespace, "" when there is none.
func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// on reads an element such as <w:b/> or <w:b w:val="0"/>.
func on(e xml.StartElement) *bool {
	v := true
	switch attr(e, "val") {
	case "0", "false", "off", "none":
		v = false
	}
	return &v
}
