package templates

import (
	"bytes"
	"fmt"
	"slices"

	"golang.org/x/net/html"
)

// Bare returns a mail's HTML as QQ Mail and NetEase show it: without style sheets,
// classes and ids. What is inline stays.
func Bare(mail []byte) ([]byte, error) {
	root, err := html.Parse(bytes.NewReader(mail))
	if err != nil {
		return nil, fmt.Errorf("read mail: %w", err)
	}
	var gone []*html.Node
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && n.Data == "style" {
			gone = append(gone, n)
		}
		n.Attr = slices.DeleteFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "class" || a.Key == "id" })
	}
	for _, n := range gone {
		n.Parent.RemoveChild(n)
	}
	var out bytes.Buffer
	if err := html.Render(&out, root); err != nil {
		return nil, fmt.Errorf("write mail: %w", err)
	}
	return out.Bytes(), nil
}
