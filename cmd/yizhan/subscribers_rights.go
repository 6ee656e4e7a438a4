package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"yizhan/subscribers"
)

// subscribersDataCmd tells everything that is kept about a person.
type subscribersDataCmd struct {
	Key string `arg:"" placeholder:"KEY" help:"地址或编号。 [address or id]"`
}

// Run implements the command. What it prints is JSON with and without --json: it
// is what the person downloads from their page.
func (s *subscribersDataCmd) Run(ctx context.Context, c *call) error {
	i, err := c.open(ctx, nil)
	if err != nil {
		return err
	}
	defer i.close()
	data, err := i.desk.PersonalData(ctx, s.Key)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(data, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.stdout, string(text))
	return err
}

// subscribersRevokeCmd makes the links that a person has been sent worthless.
type subscribersRevokeCmd struct {
	Key string `arg:"" placeholder:"KEY" help:"地址或编号。 [address or id]"`
}

// Run implements the command.
func (s *subscribersRevokeCmd) Run(ctx context.Context, c *call) error {
	i, err := c.open(ctx, nil)
	if err != nil {
		return err
	}
	defer i.close()
	person, err := i.people.Get(ctx, s.Key)
	if err != nil {
		return err
	}
	reply, err := i.desk.Do(ctx, subscribers.Caller{ID: person.PublicID, Source: "administrator"}, subscribers.Revoke{}, time.Now())
	if err != nil {
		return err
	}
	if done, err := c.answer(reply.Subscriber); done {
		return err
	}
	c.printf("以前寄给订户 %s 的链接都已停用，退订链接除外", person.PublicID)
	return nil
}
