package email

import "context"

// Probe opens a session with the relay as a delivery would, up to AUTH, and
// closes it again. It sends nothing. Its error is a [*Reply] that says which step
// failed.
func (c *Channel) Probe(ctx context.Context) error {
	s, err := c.connect(ctx, true)
	if err != nil {
		return err
	}
	goodbye([]*session{s})
	return nil
}
