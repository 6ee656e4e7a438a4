package issue

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// pdfOf is a PDF of one page of Latin text, set line by line.
func pdfOf(lines []string) []byte {
	var page strings.Builder
	page.WriteString("BT /F1 12 Tf 14 TL 40 800 Td\n")
	for _, l := range lines {
		page.WriteString("(" + strings.NewReplacer("(", `\(`, ")", `\)`).Replace(l) + ") Tj T*\n")
	}
	page.WriteString("ET")
	objects := []string{
		"<</Type/Catalog/Pages 2 0 R>>",
		"<</Type/Pages/Kids[3 0 R]/Count 1>>",
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
		fmt.Sprintf("<</Length %d>>stream\n%s\nendstream", page.Len(), page.String()),
		"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
	}
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n")
	var at []int
	for n, o := range objects {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", n+1, o)
	}
	xref := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, n := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", n)
	}
	fmt.Fprintf(&b, "trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, xref)
	return b.Bytes()
}

func TestPDF(t *testing.T) {
	if _, err := exec.LookPath(pdfProgram); err != nil {
		t.Skip("pdftotext is not installed (Debian: poppler-utils)")
	}
	file := pdfOf([]string{"Harbour Notes", "Vol. 3, No. 2 (Issue 14)", "", "NEWS", "", "The pier is open", "", "The new pier was opened on Monday by the harbour master himself.", "Source: Port Authority"})
	text, err := PDFText(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	res, err := Read("a.pdf", text, ReadOptions{})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	i := res.Issue
	if i.Title != "Harbour Notes" || i.ID != "14" || len(i.Sections) != 1 || i.Sections[0].Name != "NEWS" || i.Sections[0].Articles[0].Source != "Port Authority" {
		t.Errorf("got %+v of\n%s", i, text)
	}
	for name, c := range map[string]struct {
		data []byte
		code string
	}{
		"broken":  {[]byte("%PDF-1.4\nno more"), "pdf"},
		"no text": {pdfOf(nil), "pdf-scanned"},
	} {
		_, err := PDFText(t.Context(), c.data)
		var re *ReadError
		if !errors.As(err, &re) || re.Code != c.code || re.Hint == "" {
			t.Errorf("%s: %v, want code %s and a hint", name, err, c.code)
		}
	}
}

// TestPDFWithoutProgram says what to install.
func TestPDFWithoutProgram(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := PDFText(t.Context(), pdfOf([]string{"a"}))
	var re *ReadError
	if !errors.As(err, &re) || re.Code != "pdf-program" || !strings.Contains(re.Hint, "poppler-utils") {
		t.Errorf("got %v", err)
	}
}

func TestColumns(t *testing.T) {
	left, right := "左边一栏的文字写得满满当当", "右边一栏的文字也写得满满当当"
	if !inColumns([]byte(strings.Repeat(left+"      "+right+"\n", 20))) || inColumns([]byte(strings.Repeat(left+right+"\n", 20))) {
		t.Error("columns are not told from lines")
	}
}
