package main

import (
	"bytes"
	"debug/elf"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"yizhan/config"
)

// sh runs a command in the folder of the project.
func sh(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), name, args...)
	c.Dir = filepath.Join("..", "..")
	c.Env = append(os.Environ(), env...)
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// TestDistribution makes what is given to others, and uses it as they would.
func TestDistribution(t *testing.T) {
	if testing.Short() || runtime.GOOS != "linux" {
		t.Skip("builds for Linux, which takes a minute")
	}
	dir := t.TempDir()
	var others []string
	for _, arch := range []string{"amd64", "arm64"} {
		if arch != runtime.GOARCH {
			others = append(others, "linux/"+arch)
		}
	}
	sh(t, []string{"OUT=" + dir}, ".packaging/dist.sh", "linux/"+runtime.GOARCH)
	// Nothing runs these here, so they need no optimiser, which takes longest.
	sh(t, []string{"OUT=" + dir, "GOFLAGS=" + strings.TrimSpace(sh(t, nil, "go", "env", "GOFLAGS")+" -gcflags=all=-N")}, ".packaging/dist.sh", others...)
	binary := filepath.Join(dir, "yizhan-linux-"+runtime.GOARCH)
	t.Run("static", func(t *testing.T) {
		for arch, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
			checkStatic(t, filepath.Join(dir, "yizhan-linux-"+arch), machine)
		}
	})
	t.Run("version", func(t *testing.T) {
		var v built
		if err := json.Unmarshal([]byte(sh(t, nil, binary, "version", "--json")), &v); err != nil || v.Version == "" || v.Go != runtime.Version() {
			t.Errorf("version: %+v, %v", v, err)
		}
	})
	t.Run("package", func(t *testing.T) { checkPackage(t, binary) })
	t.Run("unit", func(t *testing.T) { checkUnit(t, binary) })
}

// checkStatic: no interpreter and no libraries, so that any Linux runs it.
func checkStatic(t *testing.T, path string, machine elf.Machine) {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Machine != machine {
		t.Errorf("%s is for %s", path, f.Machine)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("%s has a segment %s", path, p.Type)
		}
	}
}

// checkPackage makes the Debian package twice, installs it into a folder and
// checks the configuration that came with it, by the program that came with it.
func checkPackage(t *testing.T, binary string) {
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		t.Skip("no dpkg-deb here")
	}
	var packages []string
	for range 2 {
		out := sh(t, []string{"OUT=" + t.TempDir()}, ".packaging/deb.sh", runtime.GOARCH, binary)
		packages = append(packages, out)
	}
	first, err := os.ReadFile(packages[0])
	if err != nil {
		t.Fatal(err)
	}
	if second, err := os.ReadFile(packages[1]); err != nil || !bytes.Equal(first, second) {
		t.Errorf("two packages of one commit differ: %v", err)
	}

	root := t.TempDir()
	check := install(t, packages[0], root)
	if !strings.Contains(check, `"ok":true`) {
		t.Errorf("check of the packaged configuration: %s", check)
	}
	for _, name := range []string{
		"lib/systemd/system/yizhan.service", "usr/share/man/man1/yizhan.1.gz", "usr/share/doc/yizhan/operate.md",
		"usr/share/doc/yizhan/configuration.md", "usr/share/bash-completion/completions/yizhan", "var/lib/yizhan/yizhan.db",
	} {
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			t.Error(err)
		}
	}
}

// install installs the package into root and gives what its program says to its
// configuration. Root runs the scripts of the package and then the program as the
// user that they made, with root as its whole world; others unpack and point
// the configuration at root.
func install(t *testing.T, file, root string) string {
	t.Helper()
	settings := filepath.Join(root, "etc/yizhan/yizhan.yaml")
	if os.Geteuid() != 0 {
		sh(t, nil, "dpkg-deb", "-x", file, root)
		text, err := os.ReadFile(settings)
		if err != nil {
			t.Fatal(err)
		}
		data := filepath.Join(root, "var/lib/yizhan")
		if err := os.MkdirAll(data, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(data, "secret"), []byte(strings.Repeat("0123456789abcdef", 4)), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(settings, bytes.ReplaceAll(text, []byte("/var/lib/yizhan"), []byte(data)), 0o600); err != nil {
			t.Fatal(err)
		}
		return sh(t, nil, filepath.Join(root, "usr/bin/yizhan"), "check", "--json", "-c", settings)
	}
	// The way down to root is the test's own; its user has to get through.
	for dir := root; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"info", "updates", "triggers"} {
		if err := os.MkdirAll(filepath.Join(root, "var/lib/dpkg", dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"status", "available"} {
		if err := os.WriteFile(filepath.Join(root, "var/lib/dpkg", name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	dpkg := []string{"--root=" + root, "--log=" + filepath.Join(root, "log"), "--force-script-chrootless", "--force-depends"}
	sh(t, nil, "dpkg", append(dpkg, "--install", file)...)
	secret := filepath.Join(root, "var/lib/yizhan/secret")
	made, err := os.ReadFile(secret)
	if err != nil || len(made) != 64 {
		t.Fatalf("the secret has %d characters: %v", len(made), err)
	}
	// Again is an upgrade: the secret stays, or all links that went out are dead.
	sh(t, nil, "dpkg", append(dpkg, "--install", file)...)
	if again, err := os.ReadFile(secret); err != nil || !bytes.Equal(made, again) {
		t.Errorf("an upgrade changes the secret: %v", err)
	}
	return sh(t, nil, "chroot", "--userspec="+userIn(t, root), root, "/usr/bin/yizhan", "check", "--json", "-c", "/etc/yizhan/yizhan.yaml")
}

// userIn is the user yizhan of the system in root, as numbers.
func userIn(t *testing.T, root string) string {
	t.Helper()
	users, err := os.ReadFile(filepath.Join(root, "etc/passwd"))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^yizhan:[^:]*:([0-9]+):([0-9]+):`).FindSubmatch(users)
	if m == nil {
		t.Fatalf("no user was made: %s", users)
	}
	return string(m[1]) + ":" + string(m[2])
}

// checkUnit asks systemd what it thinks of the unit.
func checkUnit(t *testing.T, binary string) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("no systemd-analyze here")
	}
	text, err := os.ReadFile("../../.packaging/yizhan.service")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^TimeoutStopSec=([0-9]+)$`).FindSubmatch(text)
	if m == nil {
		t.Fatal("the unit has no TimeoutStopSec in seconds")
	}
	seconds, err := strconv.Atoi(string(m[1]))
	if limit := config.Default().ShutdownGrace + afterGrace + lastPages; err != nil || time.Duration(seconds)*time.Second <= limit {
		t.Errorf("a stop may take %v, the unit waits for %d s", limit, seconds)
	}
	// The program is not installed here.
	unit := filepath.Join(t.TempDir(), "yizhan.service")
	text = bytes.Replace(text, []byte("ExecStart=yizhan "), []byte("ExecStart="+binary+" "), 1)
	if !bytes.Contains(text, []byte(binary)) {
		t.Fatal("the unit does not start yizhan")
	}
	if err := os.WriteFile(unit, text, 0o644); err != nil {
		t.Fatal(err)
	}
	if out := sh(t, nil, "systemd-analyze", "verify", "--man=no", unit); strings.Contains(out, "yizhan.service") {
		t.Errorf("verify: %s", out)
	}
	// In tenths: 2.0 of 10, where a unit without any hardening has 9.6.
	sh(t, nil, "systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", unit)
}

// TestContainerfile reads the file as a builder would: there is none on every machine.
func TestContainerfile(t *testing.T) {
	text, err := os.ReadFile("../../Containerfile")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.ReplaceAll(string(text), "\\\n", " "), "\n")
	last := map[string]string{}
	for _, line := range lines {
		word, rest, _ := strings.Cut(line, " ")
		if line == "" || word == "#" || strings.HasPrefix(line, "#") {
			continue
		}
		last[word] = rest
		from := strings.Fields(rest)
		if word == "COPY" && !strings.HasPrefix(rest, "--from=") {
			for _, name := range from[:len(from)-1] {
				if _, err := os.Stat(filepath.Join("../..", name)); err != nil {
					t.Errorf("%s: %v", line, err)
				}
			}
		}
	}
	if last["FROM"] != "scratch" {
		t.Errorf("the image is made from %q", last["FROM"])
	}
	if user := last["USER"]; !regexp.MustCompile(`^[1-9][0-9]*:[1-9][0-9]*$`).MatchString(user) {
		t.Errorf("it runs as %q; a number other than 0 is what may be checked from outside", user)
	}
	version, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	image := regexp.MustCompile(`FROM golang:(\S+)`).FindSubmatch(text)
	if image == nil || !bytes.Contains(version, append([]byte("\ngo "), image[1]...)) {
		t.Errorf("the image's Go is %s, go.mod has another", image)
	}
	// Its commands are commands of ours.
	_, health, _ := strings.Cut(last["HEALTHCHECK"], "CMD ")
	for _, command := range []string{health, last["CMD"]} {
		var args []string
		if err := json.Unmarshal([]byte(command), &args); err != nil {
			t.Fatalf("%s: %v", command, err)
		}
		if args[0] == "/usr/bin/yizhan" {
			args = args[1:]
		}
		p := program{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard, getenv: func(string) string { return "" }}
		if code := p.run(t.Context(), slices.Concat(args, []string{"--help"})); code != exitOK {
			t.Errorf("%v: exit code %d", args, code)
		}
	}
}
