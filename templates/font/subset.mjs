// Makes noto-sans-sc-bold.ttf.gz, the letters of the cover: the 3,755 commonest
// Han (level 1 of GB 2312), those of level 2 that are usual in names of places,
// firms and periodicals, ASCII, and punctuation. The result is the same on every machine:
//
//   npm install --no-save subset-font@2.9.0 @expo-google-fonts/noto-sans-sc@0.4.3
//   node subset.mjs
//
// The font and this part of it are under the licence in OFL.txt.
import { readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import subsetFont from 'subset-font';

const names =
  '茗鑫晟睿荟琪瑶瑾瑜琦珏玺璟璐琳炜烨煜焱熠晖昱曦旻昊皓隽娴婷妍嫣媛姝岚岷峤崧嵊嵩岱崂泸泾沅沔汨洮洹浔浠浏涪涞淄淇淅淝渑渭湟溧滁滇滦漯潞潼澧濂濮瀛灞' +
  '邕邗邙邛邡邢邯邳邵邺郓郧郫郯郴郾鄂鄄鄞鄢鄱芮芷苑茌茯荥荃莅莆莘菏萃萱葳蓥蓟蔚蕲薇藜蘅衢婺瓯睢亳兖儋沭沂沁汾盱眙盩枞枳桐梓棠榕槟樟橙檀徽骅颍颖阆阊隰雒' +
  '麒麟鸿鹭鹏鹤鲲鲁黔黟鼎龢馨馥馐飨飧骐骏翎翱羲羿耒耜臻舸舫舻艺芸诠谛谡谧诒谌赟赣跸踔轶轩辕迩逸逄邈镕镛铄铉铎钰钧锟镐镇铭釉醴酩醒毓泓沣洵淼渊湉滢澜澹涵沪汕昕昙杏柒梵楹榭桂棣禧祺祯禄稷穗穆窑筑笙筠箴篁粤糖糕絮纬缤缕绮绫缙缇罡耘耦聆颐' +
  '圳莞暨浒濠濉沭珙攸佤傣僳傈仡佬侗羌彝歙黟氹闵漕泾瑗瑷珲宕岢坨垣堰塬圩埇碚綦酆崃虞闾岫浑栾砀涡亳暾曜甬沩沣洙滦溆濞珥瓮眉祁禹筱缅藁蠡衮襄褚辋迦郏郸酃钜铢锡鄢闽阗阜陉隗隍隘雍霍霖靖鞍骊魏鱼鲅鳌黛傅佘佟仉伍俞倪兖冀匡卞厉厍叱嵇尉岑庾庞弭戚支昝晁晏曾柏桓梅樊欧殷汲沃洛滕潘濯爨甘申畅皮盖瞿禚窦竺筒管缪翟聂臧舒花芦苌苻苗茅荀荆莫葛蒋蒯蓝蔺薛蘧虢蚌衡裘裴覃訾诸谯谈谭贲贾赖路轩辛辜迟逄逯邓邝邴郁郗郜郝郦郯郐钭钮钱铁镡闻阙阚阮陆隋雷靳韦韩项顾颛饶马骆高鲍鲜鲁鹿麦麻黄黎齐龚龙拓瞻笃琅翊懿彦箐蓓蕊薰蘑菇脍炙咖啡啤饪肴饕餮馄饨饺饼酿酪酥醇醉焗煲烩炖煨榨卤腌腊粽麸黍粟稞枸杞芪芎苓茱萸薏藿荞荸荠莴笋榛榧橄榄柑橘柚柠檬榴莲菠萝椰枣栗枇杷樱桃杏梨莓铂锂铌钽钨钛硅锗晶芯镀锻铸焊轧辊轴榫卯陶瓷釉砖瓦琉璃珐漆绣绢绸缎绒绫绦革履箱袋伞钟表叁肆柒捌玖拾佰仟廿卅卌弌弍弎壹贰' +
  '焙糍甄畲疆癸皖盅眸睦矩砚硒磐岐崎崛崖帷庠庾廪弈彤彧徕忻怡恺惇慷憬戎扬拙挚捷掇揽擎攸斐斓旖旎昶晔杭枫柯栎梧檐欣沛沐泗泠泮泱滋漪濠瀚炅焕熙燮爵牍犀狄玑玖玫珀珈珂珑珞琅琉琛琢琥琨琬琮琼璀璇璋璞璧瓒瓴';

const gbk = new TextDecoder('gbk');
let text = names + '·—–‘’“”…、。《》〈〉「」『』【】〔〕！（），：；？～＋－／＆％〇©®℃№';
for (let row = 0xb0; row <= 0xd7; row++) {
  for (let cell = 0xa1; cell <= 0xfe; cell++) {
    const c = gbk.decode(Uint8Array.of(row, cell));
    if (c >= '\u4e00' && c <= '\u9fff') text += c;
  }
}
for (let c = 0x20; c < 0x7f; c++) text += String.fromCharCode(c);
for (let c = 0; c < 10; c++) text += String.fromCharCode(0xff10 + c);

const font = readFileSync('node_modules/@expo-google-fonts/noto-sans-sc/700Bold/NotoSansSC_700Bold.ttf');
const subset = await subsetFont(font, text, { targetFormat: 'sfnt', noLayoutClosure: true });
writeFileSync('noto-sans-sc-bold.ttf.gz', gzipSync(subset, { level: 9 }));
console.log(`${new Set(text).size} characters, ${subset.length} bytes, ${gzipSync(subset, { level: 9 }).length} compressed`);
