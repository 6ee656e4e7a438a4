package dispatch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// WebhookOptions are what a [Webhook] needs; URL is required.
type WebhookOptions struct {
	URL string // may hold a secret; it is in no error
	// Transport carries the requests; nil: the standard library's.
	Transport http.RoundTripper
}

// Webhook is a [Sink] that posts JSON: {event, text, issue, run, counts, at, id}.
type Webhook struct {
	url    string
	client *http.Client
}

const (
	webhookLimit = 15 * time.Second
	maxRedirects = 3
)

var errRedirect = errors.New("redirected to another host")

// NewWebhook returns a webhook.
func NewWebhook(o WebhookOptions) (*Webhook, error) {
	target, err := url.Parse(o.URL)
	if err != nil || target.Host == "" {
		return nil, errors.New("webhook: the URL needs a scheme and a host")
	}
	return &Webhook{url: o.URL, client: &http.Client{
		Timeout: webhookLimit, Transport: o.Transport,
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			// What is told is for the one host that was named, and as a POST.
			if r.URL.Host != target.Host || r.URL.Scheme != target.Scheme || r.Method != http.MethodPost || len(via) > maxRedirects {
				return errRedirect
			}
			return nil
		},
	}}, nil
}

// Name implements [Sink].
func (w *Webhook) Name() string { return "webhook" }

// Send implements [Sink].
func (w *Webhook) Send(ctx context.Context, n Notice) error {
	body, err := json.Marshal(struct {
		Event  string            `json:"event"`
		Text   string            `json:"text"`
		Issue  string            `json:"issue"`
		Run    string            `json:"run"`
		Counts map[string]Counts `json:"counts"`
		At     time.Time         `json:"at"`
		ID     string            `json:"id"` // the same in every try
	}{n.Event, n.Text, n.Issue, n.Run, n.Counts, n.At, n.Key})
	if err != nil {
		return fmt.Errorf("encoding an alert: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return errors.New("webhook: the URL cannot be used")
	}
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("User-Agent", "yizhan")
	answer, err := w.client.Do(r)
	if err != nil {
		var outer *url.Error
		if errors.As(err, &outer) {
			err = outer.Err // the outer one has the URL in its text
		}
		return fmt.Errorf("webhook: %w", err)
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, 64<<10) // lets the connection be used again
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("webhook: answered %s", answer.Status)
	}
	return nil
}

var _ Sink = (*Webhook)(nil)
