package templates

import "testing"

func TestFilter(t *testing.T) {
	for name, tc := range map[string]struct{ content, want string }{
		"plain":              {`<section style="color:#333"><p>茶</p></section>`, `<section style="color:#333"><p>茶</p></section>`},
		"script":             {`<p>a<script>alert(1)</script>b</p>`, `<p>ab</p>`},
		"style sheet":        {`<style>p{}</style><p>a</p>`, `<p>a</p>`},
		"form":               {`<form><input><p>a</p></form>`, `<p>a</p>`},
		"comment":            {`a<!-- b -->c`, `ac`},
		"unknown element":    {`<article><div><font>a</font></div></article>`, `a`},
		"class, id, handler": {`<p class="a" id="b" data-x="1" onclick="x()" lang="en">a</p>`, `<p>a</p>`},
		"position":           {`<p style="position:fixed; top:0; color: red;">a</p>`, `<p style="color:red">a</p>`},
		"only bad style":     {`<p style="float:left">a</p>`, `<p>a</p>`},
		"url in style":       {`<p style="background-color:url(x)">a</p>`, `<p>a</p>`},
		"variable":           {`<p style="color:var(--a)">a</p>`, `<p>a</p>`},
		"link":               {`<a href="https://tea.example">a</a>`, `a`},
		"jump":               {`<a href="#b">a</a>`, `a`},
		"anchor":             {`<a name="b"></a>c`, `c`},
		"link in WeChat":     {`<a href="https://mp.weixin.qq.com/s/x" target="_blank">a</a>`, `<a href="https://mp.weixin.qq.com/s/x">a</a>`},
		"nearly WeChat":      {`<a href="https://mp.weixin.qq.com.tea.example/">a</a>`, `a`},
		"picture":            {`<img src="https://tea.example/a.png" alt="b">`, ``},
		"picture in WeChat":  {`<img src="http://mmbiz.qpic.cn/a" alt="b" width="3">`, `<img src="http://mmbiz.qpic.cn/a" alt="b"/>`},
		"page":               {`<!DOCTYPE html><html><head><title>t</title></head><body><p>a</p></body></html>`, `<p>a</p>`},
		"table":              {`<table><tbody><tr><td colspan="2" width="9">a</td></tr></tbody></table>`, `<table><tbody><tr><td colspan="2">a</td></tr></tbody></table>`},
		"text":               {`a &lt;b&gt; &amp; c`, `a &lt;b&gt; &amp; c`},
		"svg":                {`<svg><text>a</text></svg>b`, `b`},
	} {
		t.Run(name, func(t *testing.T) {
			got := Filter(tc.content)
			if got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
			if again := Filter(got); again != got {
				t.Errorf("filtered again: %s", again)
			}
		})
	}
}

// FuzzFilter: whatever is fed to it, a second pass finds nothing more.
func FuzzFilter(f *testing.F) {
	f.Add(`<p class="a" style="position:fixed;color:red">a<script>1</script></p>`)
	f.Add(`<a href="https://mp.weixin.qq.com/s/x">a</a><img src=http://mmbiz.qpic.cn/a>`)
	f.Add(`<p><b><p>x</b><table><a><tr>`)
	f.Fuzz(func(t *testing.T, content string) {
		once := Filter(content)
		if words(Filter(once)) != words(once) {
			t.Errorf("%q gives %q, then %q", content, once, Filter(once))
		}
	})
}
