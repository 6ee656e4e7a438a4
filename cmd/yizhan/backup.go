package main

import (
	"context"
	"path/filepath"
)

// backupCmd copies the database.
type backupCmd struct {
	File string `arg:"" help:"写到这个文件，不能是已有的。 [new file]"`
}

// Run implements the command.
func (s *backupCmd) Run(ctx context.Context, c *call) error {
	path, err := filepath.Abs(s.File)
	if err != nil {
		return err
	}
	i, err := c.open(ctx, nil)
	if err != nil {
		return err
	}
	defer i.close()
	if err := i.db.Backup(ctx, path); err != nil {
		return err
	}
	if done, err := c.answer(map[string]string{"path": path}); done {
		return err
	}
	c.printf("数据库已备份到 %s；配置文件和其中写到的密码文件请另外备份", path)
	return nil
}
