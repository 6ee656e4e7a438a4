package config

import (
	"bytes"
	"crypto/rand"
	_ "embed"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// FileName is what the configuration file is called unless somebody says otherwise.
const FileName = "yizhan.yaml"

//go:embed sample.yaml
var sample []byte

// Sample gives a commented configuration that loads, with a new random secret.
func Sample() []byte {
	key := make([]byte, minSecret)
	_, _ = rand.Read(key) // never fails: crypto/rand ends the program instead
	return bytes.Replace(sample, []byte("{{secret}}"), []byte(hex.EncodeToString(key)), 1)
}

// WriteSample writes a Sample into dir, which it makes when it is missing, and
// gives the path. Only the owner may read the file. It never replaces one; the
// error is then of type Error with code file-exists.
func WriteSample(dir string) (string, error) {
	path := filepath.Join(dir, FileName)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", unwritable(path, err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return "", Error{
			File: path, Code: "file-exists", Text: "配置文件已经有了，没有改动它",
			Hint: "换一个目录，或者先把它改名", cause: err,
		}
	}
	if err != nil {
		return "", unwritable(path, err)
	}
	_, err = f.Write(Sample())
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", unwritable(path, err)
	}
	return path, nil
}

func unwritable(path string, err error) Error {
	return Error{
		File: path, Code: "file-unwritable", Text: "写不了配置文件：" + Reason(err),
		Hint: "换一个能写的目录，或者检查它的权限", cause: err,
	}
}
