package issue

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// wordCorpus are the Word files of the corpus, each of another make. The files
// are kept beside the others, so that a person can open them; -update writes them
// anew.
func wordCorpus(t testing.TB) map[string]word {
	return map[string]word{
		"word-headings": wordHeadings(t), "word-bold": wordBold(), "word-tables": wordTables(), "word-lists": wordLists(), "word-newsletter": wordNewsletter(), "word-changes": wordChanges(),
	}
}

func TestWordCorpusIsWritten(t *testing.T) {
	for name, d := range wordCorpus(t) {
		file := filepath.Join("testdata", "corpus", name+".docx")
		if *update {
			if err := os.WriteFile(file, d.file(t), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := os.Stat(file); err != nil {
			t.Errorf("%v; run with -update", err)
		}
	}
}

// pictureRun is a run with a picture in it.
func pictureRun(rel, alt string) string {
	return `<w:r><w:rPr><w:noProof/></w:rPr><w:drawing><wp:inline distT="0"><wp:extent cx="100" cy="100"/><wp:docPr id="1" name="图片 1" descr="` + alt + `"/><a:graphic><a:graphicData><pic:pic><pic:nvPicPr><pic:cNvPr id="0" name="x"/></pic:nvPicPr><pic:blipFill><a:blip r:embed="` + rel + `"/></pic:blipFill></pic:pic></a:graphicData></a:graphic></wp:inline></w:drawing></w:r>`
}

// centred is a paragraph in the middle of the page, in type of so many half
// points.
func centred(text, size string, bold bool) string {
	props := []string{`<w:sz w:val="` + size + `"/>`}
	if bold {
		props = append([]string{"<w:b/>"}, props...)
	}
	return `<w:p><w:pPr><w:jc w:val="center"/></w:pPr>` + run(text, props...) + "</w:p>"
}

// toc is a line of a table of contents as Word makes it: a link around fields.
func toc(level, title, page string) string {
	return `<w:p><w:pPr><w:pStyle w:val="TOC` + level + `"/><w:tabs><w:tab w:val="right" w:leader="dot" w:pos="8296"/></w:tabs></w:pPr><w:hyperlink w:anchor="_Toc1">` + run(title) +
		`<w:r><w:tab/></w:r><w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText> PAGEREF _Toc1 \h </w:instrText></w:r><w:r><w:fldChar w:fldCharType="separate"/></w:r>` + run(page) + `<w:r><w:fldChar w:fldCharType="end"/></w:r></w:hyperlink></w:p>`
}

// wordHeadings is what somebody makes who knows Word: styles for everything, a
// table of contents, numbered headings, footnotes, headers, pictures.
func wordHeadings(t testing.TB) word {
	return word{
		media:     map[string][]byte{"image1.png": pngOf(t, photo(64, 40)), "image2.jpeg": jpegOf(t, photo(80, 50), 80), "logo.emf": []byte("\x01\x00\x00\x00")},
		rels:      rel("rId10", "image", "media/image1.png") + rel("rId11", "image", "media/image2.jpeg") + rel("rId12", "image", "media/logo.emf") + rel("rId13", "hyperlink", "https://reeds.example.org/survey") + rel("rId14", "image", "https://reeds.example.org/far.png"),
		header:    p("芦荡保护通讯　2023年第2期"),
		footnotes: `<w:footnote w:type="separator" w:id="-1"><w:p/></w:footnote><w:footnote w:id="1"><w:p><w:r><w:footnoteRef/></w:r>` + run(" 不含北岸新划入的部分。") + `</w:p></w:footnote>`,
		numbering: `<w:abstractNum w:abstractNumId="0">` + level(0, "chineseCountingThousand", "%1、") + level(1, "chineseCountingThousand", "（%2）") + level(2, "decimal", "%3.") + `</w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num><w:abstractNum w:abstractNumId="1">` + level(0, "bullet", "\uF06C") + `</w:abstractNum><w:num w:numId="2"><w:abstractNumId w:val="1"/></w:num>`,
		body: `<w:p><w:pPr><w:pStyle w:val="T"/></w:pPr>` + pictureRun("rId12", "") + run("芦荡保护通讯") + `</w:p>` +
			p("2023年3、4月合刊　第2期　总第45期") + p("芦荡湿地保护协会主办") + p("内部资料　免费交流") + p("2023年4月20日") + p("") +
			p("目　　录") + toc("1", "一、巡护动态", "1") + toc("2", "苇塘里来了新客人", "1") + toc("2", "春季水位高于往年", "3") + toc("1", "二、科普园地", "5") + toc("2", "怎样给鸟窝拍照", "5") +
			listed("巡护动态", "1", 0, "1") +
			p("苇塘里来了新客人", "2") + p("作者：白鹭洲") +
			"<w:p>" + run("三月二十一日清晨，巡护员在东苇塘看见了一对") + run("震旦鸦雀", "<w:b/>") + run("。这是") + `<w:bookmarkStart w:id="1" w:name="x"/>` + run("近十年") + run("来的第一次记录。") + "</w:p>" +
			"<w:p>" + pictureRun("rId10", "东苇塘的清晨") + "</w:p>" +
			"<w:p>" + run("记录已报省里，") + `<w:hyperlink r:id="rId13">` + run("调查表", `<w:rStyle w:val="Hyperlink"/>`) + "</w:hyperlink>" + run("可以在网上下载。") + "</w:p>" +
			p("春季水位高于往年", "2") +
			"<w:p>" + run("四月上旬，苇塘平均水深一米二，比常年高三十厘米，受影响的面积约六百亩") + `<w:r><w:footnoteReference w:id="1"/></w:r>` + run("。") + "</w:p>" +
			p("各站的读数如下：") + "<w:tbl><w:tblPr/>" + tr("站名", "水深（米）") + tr("东站", "1.3") + tr("西站", "1.1") + "</w:tbl>" +
			p("来源：水文站") +
			listed("科普园地", "1", 0, "1") + p("怎样给鸟窝拍照", "2") +
			p("先想好，再靠近", "3") + p("拍照之前先问自己三个问题：") + listed("会不会惊动孵蛋的鸟；", "2", 0) + listed("会不会踩断苇秆；", "2", 0) + listed("别人看了照片会不会也来。", "2", 0) +
			p("只拍一张", "3") + "<w:p>" + run("拍完就走，不要等。") + "</w:p><w:p>" + pictureRun("rId11", "图片包含 鸟, 户外&#xA;&#xA;描述已自动生成") + pictureRun("rId14", "远处") + "</w:p>" +
			p("（摘自：《观鸟手册》）") +
			`<w:p>` + run("编辑：") + run("沙渚") + run("　责任编辑：") + run("阮芷") + `</w:p>`,
	}
}

// wordBold is what most offices make: no style at all, bold and size by hand, the
// masthead in one paragraph with soft breaks, every sentence in many runs.
func wordBold() word {
	title := func(s string) string { return "<w:p>" + run(s[:3], "<w:b/>") + run(s[3:], "<w:b/><w:bCs/>") + "</w:p>" }
	return word{
		styles: `<w:docDefaults><w:rPrDefault><w:rPr><w:rFonts w:eastAsia="宋体"/></w:rPr></w:rPrDefault></w:docDefaults><w:style w:type="paragraph" w:default="1" w:styleId="a"><w:name w:val="Normal"/><w:rPr><w:sz w:val="24"/></w:rPr></w:style>`,
		body: centred("白石社区之声", "72", true) +
			`<w:p><w:pPr><w:jc w:val="center"/></w:pPr>` + run("2022年第11期（总第83期）") + "<w:r><w:br/></w:r>" + run("白石街道办事处主办") + "<w:r><w:br/></w:r>" + run("2022年11月15日") + "</w:p>" + p("") +
			centred("本期头条", "36", true) + title("老旧小区加装电梯签约过半") +
			`<w:p><w:pPr><w:ind w:firstLineChars="200" w:firstLine="480"/></w:pPr>` + run("截至") + run("11") + run("月") + run("10日，白石社区") + run("二十六个单元中有十四个") + run("签了加装电梯的协议，过了一半。") + "</w:p>" +
			p("签约的办法是一层一层做工作：一楼的住户补偿通风和采光，顶楼的住户多出一成。") +
			title("初雪前的供暖检查") + p("供暖检查从10月20日开始，共查管道三千二百米，换阀门四十一个。") + p("发现家里不热的，请打社区电话。") +
			centred("邻里之间", "36", true) + title("一碗饺子走了五家") + p("立冬那天，三单元的葛阿姨包了饺子，一碗一碗送到独居老人家里，回来时碗里装着石榴、红枣和一双毛线袜。") +
			title("失物招领") + p("本月拾到钥匙三串、雨伞两把，请到传达室认领。") +
			p("编辑：康乐　校对：井然"),
	}
}

// wordTables is a bulletin that was laid out with tables: masthead, contents,
// editors.
func wordTables() word {
	cellsOf := func(cells ...string) string {
		var b strings.Builder
		for _, c := range cells {
			b.WriteString("<w:tc><w:tcPr><w:tcW w:w=\"2000\"/></w:tcPr>" + c + "</w:tc>")
		}
		return "<w:tr>" + b.String() + "</w:tr>"
	}
	return word{body: "<w:tbl>" + cellsOf(centred("棉纺行业信息", "52", true)) + cellsOf(p("第 8 期"), p("（总第 208 期）"), p("2019年8月30日")) + cellsOf(p("东川棉纺织行业协会　编印")) + "</w:tbl>" +
		p("本期要目") + "<w:tbl>" + tr("【行情】", "") + tr("棉花价格小幅回落", "1") + tr("纱线库存上升", "2") + tr("【企业】", "") + tr("两家会员上了新机", "4") + "</w:tbl>" +
		p("【行情】") + p("棉花价格小幅回落") + p("八月棉花均价每吨一万三千二百元，比七月低一百八十元。") +
		"<w:tbl>" + `<w:tr><w:tc><w:tcPr><w:gridSpan w:val="2"/></w:tcPr>` + p("每吨均价（元）") + "</w:tc></w:tr>" + tr("七月", "13380") + tr("八月", "13200") + "</w:tbl>" + p("（来源：棉花交易市场）") +
		p("纱线库存上升") + p("会员企业的纱线库存平均二十三天，比上月多四天，原因是下游开工不足。") + p("（统计部供稿）") +
		p("【企业】") + p("两家会员上了新机") + "<w:tbl><w:tr><w:tc>" + p("华棉公司八月装了十二台喷气织机，九月试车。") + "</w:tc><w:tc>" + p("瑞丰公司把老厂房改成了无人车间，用工少了一半。") + "</w:tc></w:tr></w:tbl>" + p("（本刊记者 苗青）") +
		"<w:tbl>" + cellsOf(p("主编：耿直"), p("编辑：苗青"), p("印数：300份")) + "</w:tbl>"}
}

// wordLists is a government brief: every heading an automatic number, nothing of
// it in the text, in the Strict variant of the format.
func wordLists() word {
	return word{
		strict: true,
		numbering: `<w:abstractNum w:abstractNumId="3"><w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="japaneseCounting"/><w:suff w:val="nothing"/><w:lvlText w:val="%1、"/></w:lvl><w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%2."/></w:lvl></w:abstractNum>` +
			`<w:num w:numId="4"><w:abstractNumId w:val="3"/></w:num><w:num w:numId="8"><w:abstractNumId w:val="3"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="1"/></w:lvlOverride></w:num>`,
		body: centred("防汛工作简报", "72", true) + centred("第 17 期", "28", false) + p("青江市防汛抗旱指挥部办公室　编　　2021年7月19日") +
			p("【本周汛情】") + p("江水回落到警戒线以下") + listed("水情", "4", 0) + p("19日8时，青江站水位二十二米四，比18日低三十厘米，已在警戒线以下。") + listed("工情", "4", 0) + p("南堤三处渗水已处理完毕，转为每日两巡。") + p("（供稿：水情科）") +
			p("【工作部署】") + p("关于做好退水期巡查的通知") + p("青汛办〔2021〕33号") + p("各县（区）防汛办：") + p("退水期是险情多发期，现就巡查工作通知如下：") +
			listed("落实人员。每公里堤防不少于四人。", "8", 0) + listed("加密频次。夜间每两小时一次。", "8", 0) + listed("及时报告。发现渗漏立即上报。", "8", 0) +
			p("青江市防汛抗旱指挥部办公室") + p("2021年7月18日") +
			p("报：市委、市政府") + p("送：各县（区）防汛办") + p("共印80份"),
	}
}

// wordNewsletter is in English, with styles whose names Word translated and
// headings that are based on others.
func wordNewsletter() word {
	return word{
		rels: rel("rId5", "hyperlink", "https://harbour.example.org/tide"),
		styles: `<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/></w:style><w:style w:type="paragraph" w:styleId="Titel"><w:name w:val="Title"/></w:style><w:style w:type="paragraph" w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style><w:style w:type="paragraph" w:styleId="berschrift2"><w:name w:val="heading 2"/></w:style><w:style w:type="paragraph" w:styleId="Story"><w:name w:val="Our Story"/><w:basedOn w:val="berschrift2"/></w:style><w:style w:type="paragraph" w:styleId="Zitat"><w:name w:val="Quote"/></w:style>` +
			`<w:style w:type="paragraph" w:styleId="ListBullet"><w:name w:val="List Bullet"/><w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr></w:style>`,
		numbering: `<w:abstractNum w:abstractNumId="0">` + level(0, "bullet", "•") + `</w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>`,
		body: p("The Tide Table", "Titel") + p("Vol. 3 No. 2 (Issue 26)") + p("March 2024") + p("Published by the Harbour Users' Association") +
			p("News", "berschrift1") + p("New lights on the mole", "Story") + p("By Joan Carver") +
			"<w:p>" + run("The lights on the mole were changed in February. They are ") + run("brighter", "<w:i/>") + run(" and use a third of the power, says the harbour master.") + "</w:p>" + p("“I can see my own feet again.”", "Zitat") +
			p("Dredging starts in May", "Story") + "<w:p>" + run("Dredging of the inner basin starts on 6 May and takes three weeks; see the ") + `<w:hyperlink r:id="rId5">` + run("tide table") + "</w:hyperlink>" + run(" for closures.") + "</w:p>" + p("Source: Port Authority") +
			p("Dates", "berschrift1") + p("5 April: spring clean", "ListBullet") + p("20 April: annual meeting", "ListBullet") +
			p("Editor: Joan Carver"),
	}
}

// wordChanges is a draft in which three people have tracked their changes.
func wordChanges() word {
	ins := func(s string) string {
		return `<w:ins w:id="1" w:author="甲" w:date="2024-01-01T00:00:00Z">` + run(s) + "</w:ins>"
	}
	del := func(s string) string {
		return `<w:del w:id="2" w:author="乙"><w:r><w:rPr><w:b/></w:rPr><w:delText xml:space="preserve">` + s + "</w:delText></w:r></w:del>"
	}
	return word{body: "<w:p>" + run("山城") + del("简报") + ins("桥牌") + "</w:p>" + "<w:p>" + run("2020年第") + del("3") + ins("4") + run("期　总第19期") + "</w:p>" +
		p("要闻", "1") + "<w:p>" + `<w:pPr><w:pStyle w:val="2"/></w:pPr>` + run("秋季联赛") + del("延期") + ins("如期") + run("开赛") + "</w:p>" +
		"<w:p>" + run("联赛定在十月") + del("五日") + ins("十八日") + run("开赛，共有二十四队报名") + `<w:commentRangeStart w:id="0"/>` + run("。") + `<w:commentRangeEnd w:id="0"/><w:r><w:commentReference w:id="0"/></w:r></w:p>` +
		`<w:p><w:pPr><w:rPr><w:del w:id="5" w:author="丙"/></w:rPr></w:pPr>` + del("这一段整个删去。") + "</w:p>" +
		`<w:p><w:pPr><w:rPr><w:ins w:id="6" w:author="丙"/></w:rPr></w:pPr>` + ins("报名费照旧，每队一百元。") + "</w:p>" +
		"<w:tbl>" + tr("组别", "队数") + tr("甲组", "12") + `<w:tr><w:trPr><w:del w:id="7"/></w:trPr><w:tc>` + p("乙组") + "</w:tc><w:tc>" + p("11") + "</w:tc></w:tr>" + tr("乙组", "12") + "</w:tbl>" +
		p("协会", "1") + p("会费收缴过半", "2") + p("截至九月底，会费已收五成六，请未交的单位抓紧。") + p("供稿：财务组")}
}
