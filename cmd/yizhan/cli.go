package main

import (
	"errors"

	"github.com/alecthomas/kong"
)

// commandLine is everything that can be typed. A command is a field here and a
// type with a Run method in the file of its noun.
type commandLine struct {
	Help   helpFlag `short:"h" help:"显示用法。 [show help]"`
	Config string   `short:"c" placeholder:"FILE" help:"配置文件；默认取环境变量 YIZHAN_CONFIG，再默认 yizhan.yaml。 [configuration file]"`
	JSON   bool     `name:"json" help:"输出 JSON，供程序读取；出错时也是。 [machine-readable output and errors]"`

	Demo demoCmd `cmd:"" help:"演示：样刊、订户、邮件都在本机，不用准备。 [see everything on this machine]"`

	Init    initCmd    `cmd:"" help:"生成一个带说明的 yizhan.yaml。 [write a commented configuration]"`
	Check   checkCmd   `cmd:"" help:"检查配置；加 --live 还检查邮件服务器。 [check the configuration]"`
	Serve   serveCmd   `cmd:"" help:"运行服务：投递、退订页、网页版。 [run the daemon]"`
	Migrate migrateCmd `cmd:"" help:"升级数据库结构；其他命令会自动做。 [bring the database up to date]"`
	Backup  backupCmd  `cmd:"" help:"备份数据库，服务运行时也可以。 [copy the database]"`

	Issue struct {
		Import   issueImportCmd   `cmd:"" help:"读入一期刊物，报告认出了什么，存为草稿。 [read a file, store a draft]"`
		Convert  issueConvertCmd  `cmd:"" help:"把能读的文件转成规范的 Markdown，写到标准输出。 [convert to canonical Markdown]"`
		List     issueListCmd     `cmd:"" help:"列出各期。 [list issues]"`
		Show     issueShowCmd     `cmd:"" help:"显示一期的内容和问题。 [show an issue]"`
		Lint     issueLintCmd     `cmd:"" help:"批准以前查一遍：出处、链接、标题、广告标志、内部资料的规定。 [check before approval]"`
		Approve  issueApproveCmd  `cmd:"" help:"批准当前版本，批准后才能发行。 [approve the present revision]"`
		Withdraw issueWithdrawCmd `cmd:"" help:"撤回批准。 [take the approval back]"`
		Preview  issuePreviewCmd  `cmd:"" help:"把邮件、网页和公众号文章写成文件，供查看。 [write mail, web page and WeChat article to files]"`
		Test     issueTestCmd     `cmd:"" help:"给一个地址寄一封测试邮件，不记入台账。 [send one test mail]"`
	} `cmd:"" help:"各期刊物：读入、查看、批准、预览。 [issues]"`

	Send      sendCmd   `cmd:"" help:"现在发行一期。 [send an issue now]"`
	Resend    resendCmd `cmd:"" help:"再次发给没收到的人。 [send again to some]"`
	Pause     pauseCmd  `cmd:"" help:"暂停一期的发行。 [pause an issue]"`
	Resume    resumeCmd `cmd:"" help:"继续暂停或待处理的发行。 [resume an issue]"`
	Cancel    cancelCmd `cmd:"" help:"取消还没送出的部分。 [cancel what is not sent yet]"`
	Schedules struct {
		List schedulesListCmd `cmd:"" default:"1" help:"列出计划：下一次、上一次、结果。 [list]"`
		Run  schedulesRunCmd  `cmd:"" help:"把计划的一次列入发行；做过的不会再做。 [plan one slot]"`
	} `cmd:"" help:"发行计划。 [schedules]"`
	Status     statusCmd     `cmd:"" help:"发行到哪一步了，有什么要注意。 [how far the runs are]"`
	Deliveries deliveriesCmd `cmd:"" help:"谁收到了，谁没有，为什么。 [who got it, who did not, and why]"`

	Subscribers struct {
		Import subscribersImportCmd     `cmd:"" help:"从 CSV 导入。 [import CSV]"`
		Export subscribersExportCmd     `cmd:"" help:"导出 CSV 到标准输出。 [export CSV]"`
		List   subscribersListCmd       `cmd:"" help:"列出订户。 [list]"`
		Add    subscribersAddCmd        `cmd:"" help:"加一位订户。 [add one]"`
		Show   subscribersShowCmd       `cmd:"" help:"显示一位订户。 [show one]"`
		Remove subscribersRemoveCmd     `cmd:"" help:"移出名单。 [take one off the list]"`
		Sync   subscribersSyncWeChatCmd `cmd:"" name:"sync-wechat" help:"和公众号的关注者对齐：导入新关注的，停掉取消关注的。 [followers of the official account]"`
		Data   subscribersDataCmd       `cmd:"" help:"按本人要求导出关于他的全部资料。 [everything kept about a person]"`
		Revoke subscribersRevokeCmd     `cmd:"" help:"停用以前寄给他的管理链接。 [revoke links]"`
		Erase  subscribersEraseCmd      `cmd:"" help:"按本人要求删除个人信息。 [erase personal data]"`
	} `cmd:"" help:"订户。 [subscribers]"`

	Suppressions struct {
		List   suppressionsListCmd   `cmd:"" help:"列出禁发地址。 [list]"`
		Add    suppressionsAddCmd    `cmd:"" help:"禁发一个地址。 [add one]"`
		Remove suppressionsRemoveCmd `cmd:"" help:"解除一个地址。 [remove one]"`
	} `cmd:"" help:"禁发名单。 [suppression list]"`

	WeChat struct {
		Menu wechatMenuCmd `cmd:"" help:"设置公众号对话框下面的菜单：最新一期、往期。 [set the menu]"`
	} `cmd:"" name:"wechat" help:"公众号。 [official account]"`

	Version    versionCmd    `cmd:"" help:"显示版本。 [show the version]"`
	Completion completionCmd `cmd:"" help:"打印补全脚本：按 Tab 键补全命令。 [shell completion]"`
	Complete   completeCmd   `cmd:"" hidden:"" passthrough:"" name:"complete-words"`
}

// errHelpShown ends the parsing of a command line that asked for help.
var errHelpShown = errors.New("help was shown")

// helpFlag shows the help of the command that it stands behind.
type helpFlag bool

// BeforeReset implements kong's hook: it comes before anything is found missing.
func (helpFlag) BeforeReset(ctx *kong.Context) error {
	if err := ctx.PrintUsage(false); err != nil {
		return err
	}
	return errHelpShown
}

// IgnoreDefault tells kong that a flag that was not given asks for nothing.
func (helpFlag) IgnoreDefault() {}
