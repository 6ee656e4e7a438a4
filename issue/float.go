package issue

// float is a picture between two lines of text. Pictures stand where the layout
// had room: between a title and its text, in the middle of a paragraph. The
// recogniser reads the text without them and puts them back afterwards.
type float struct {
	before int // the line that follows it
	line   Line
	place  Place
}

// afloat takes the pictures out of the lines.
func afloat(lines []Line) ([]Line, []float) {
	var pictures []float
	text := make([]Line, 0, len(lines))
	for _, l := range lines {
		if l.Style == StyleImage {
			pictures = append(pictures, float{before: len(text), line: l})
			continue
		}
		text = append(text, l)
	}
	return text, pictures
}

// landed takes the pictures before line i and those right before it out of what
// is still afloat.
func (r *recogniser) landed(i int, p Place) []float {
	from := r.landedTo
	for r.landedTo < len(r.floats) && r.floats[r.landedTo].before <= i {
		r.floats[r.landedTo].place = p
		r.landedTo++
	}
	return r.floats[from:r.landedTo]
}

// illustrate puts the pictures of an article between its blocks; at are the
// lines that those begin with, to is the first line behind the article.
func (r *recogniser) illustrate(blocks []Block, at []int, to int) []Block {
	pictures := r.landed(to, PlaceBody)
	if len(pictures) == 0 {
		return blocks
	}
	out := make([]Block, 0, len(blocks)+len(pictures))
	for k, b := range blocks {
		for len(pictures) > 0 && pictures[0].before <= at[k] {
			out = append(out, pictures[0].block())
			pictures = pictures[1:]
		}
		out = append(out, b)
	}
	for _, p := range pictures {
		out = append(out, p.block())
	}
	return out
}

func (f float) block() Block {
	return Block{Kind: BlockImage, Text: f.line.Text, Spans: f.line.Spans, Image: f.line.Image}
}

// adrift says which pictures belong to no article.
func (r *recogniser) adrift(i int, code string) {
	for _, p := range r.landed(i, "") {
		what := "图片"
		if p.line.Text != "" {
			what += "“" + clip(p.line.Text) + "”"
		}
		where := "刊头的"
		if code == "colophon-line" {
			where = "刊末的"
		}
		r.f.add(code, p.line.N, Info, where+what+"没有对应的栏位，未收入")
	}
}
