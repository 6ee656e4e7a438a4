package main

import (
	"bufio"
	"cmp"
	"embed"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// completionScripts are small: they hand the words on the command line to
// completeCmd, so that the three shells complete alike, and what there is to
// complete is asked of the program that will run.
//
//go:embed completion
var completionScripts embed.FS

// completionCmd prints the script that makes a shell complete our commands.
type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"哪种：bash、zsh、fish。 [shell]"`
}

// Run implements the command.
func (s *completionCmd) Run(c *call) error {
	script, err := completionScripts.ReadFile("completion/yizhan." + s.Shell)
	if err != nil {
		return err
	}
	_, err = c.stdout.Write(script)
	return err
}

// completeCmd is what the scripts ask: what may stand in place of the last word?
// It prints a line for each possibility, the word and after a tab its help;
// ":files" and ":dirs" ask the shell for names of its own.
type completeCmd struct {
	Words []string `arg:"" optional:""`
}

// Run implements the command.
func (s *completeCmd) Run(k *kong.Kong, c *call) error {
	out := bufio.NewWriter(c.stdout)
	for _, one := range complete(k.Model.Node, s.Words) {
		out.WriteString(one.word)
		if one.help != "" {
			out.WriteString("\t" + one.help)
		}
		out.WriteByte('\n')
	}
	return out.Flush()
}

// candidate is a word that may stand on the command line.
type candidate struct{ word, help string }

// complete gives what may stand in place of the last of words, which is the one
// being typed and may be empty. The name of the program is not among them.
func complete(root *kong.Node, words []string) []candidate {
	if len(words) == 0 {
		words = []string{""}
	}
	before, typed := words[:len(words)-1], words[len(words)-1]
	node, waiting, positionals, flags := walk(root, before)

	var found []candidate
	switch name, value, assigned := strings.Cut(typed, "="); {
	case waiting != nil:
		return starting(values(waiting), typed)
	case flags && assigned && strings.HasPrefix(name, "--"):
		for _, one := range starting(values(flagOf(node, name)), value) {
			if !strings.HasPrefix(one.word, ":") {
				one.word = name + "=" + one.word
			}
			found = append(found, one)
		}
		return found
	case flags && strings.HasPrefix(typed, "-"):
		for _, group := range node.AllFlags(true) {
			for _, f := range group {
				found = append(found, candidate{"--" + f.Name, short(f.Help)})
			}
		}
		slices.SortFunc(found, func(a, b candidate) int { return cmp.Compare(a.word, b.word) })
		return starting(found, typed)
	}
	if positionals == 0 {
		for _, child := range commands(node) {
			found = append(found, candidate{child.Name, short(child.Help)})
		}
	}
	if n := len(node.Positional); n > 0 && (positionals < n || node.Positional[n-1].IsSlice()) {
		found = append(found, values(node.Positional[min(positionals, n-1)])...)
	}
	return starting(found, typed)
}

// walk follows the words that are complete: to the command, the value that its
// last flag waits for, how many arguments it has had, and whether flags may follow.
func walk(root *kong.Node, words []string) (node *kong.Node, waiting *kong.Value, positionals int, flags bool) {
	node, flags = root, true
	for _, word := range words {
		switch {
		case waiting != nil:
			waiting = nil
		case flags && word == "--":
			flags = false
		case flags && strings.HasPrefix(word, "-") && word != "-":
			if f := flagOf(node, word); f != nil && !f.IsBool() {
				waiting = f
			}
		default:
			at := slices.IndexFunc(commands(node), func(n *kong.Node) bool { return n.Name == word })
			if at >= 0 && positionals == 0 {
				node = commands(node)[at]
				continue
			}
			positionals++
		}
	}
	return node, waiting, positionals, flags
}

func commands(node *kong.Node) []*kong.Node {
	var out []*kong.Node
	for _, child := range node.Children {
		if child.Type == kong.CommandNode && !child.Hidden {
			out = append(out, child)
		}
	}
	return out
}

// flagOf gives the flag called word at node, -c or --config; nil: there is none.
func flagOf(node *kong.Node, word string) *kong.Value {
	for _, group := range node.AllFlags(true) {
		for _, f := range group {
			if word == "--"+f.Name || f.Short != 0 && word == "-"+string(f.Short) {
				return f.Value
			}
		}
	}
	return nil
}

// values gives what a flag or an argument may be.
func values(v *kong.Value) []candidate {
	switch {
	case v == nil:
		return nil
	case v.Enum != "":
		var out []candidate
		for _, word := range v.EnumSlice() {
			if word != "" {
				out = append(out, candidate{word: word})
			}
		}
		return out
	}
	kind := v.Name // of an argument
	if v.Flag != nil {
		kind = v.Flag.PlaceHolder
	}
	switch strings.ToLower(kind) {
	case "file":
		return []candidate{{word: ":files"}}
	case "dir":
		return []candidate{{word: ":dirs"}}
	}
	return nil
}

// starting keeps what begins with typed.
func starting(from []candidate, typed string) []candidate {
	return slices.DeleteFunc(from, func(one candidate) bool {
		return !strings.HasPrefix(one.word, ":") && !strings.HasPrefix(one.word, typed)
	})
}

// short is the first sentence of a help text.
func short(help string) string {
	first, _, _ := strings.Cut(help, "。")
	return first
}
