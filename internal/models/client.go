package models

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/latentgo/latentgo/internal/syserr"
)

// dialTimeout is short, so that a machine without a network goes on to the next source quickly.
const dialTimeout = 5 * time.Second

// newClient returns the client of opt with the redirect policy that protects the token.
func newClient(opt Options) *http.Client {
	c := opt.Client
	if c == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.DialContext = (&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}).DialContext
		t.TLSHandshakeTimeout = 2 * dialTimeout
		t.ResponseHeaderTimeout = 30 * time.Second
		c = &http.Client{Transport: t}
	}
	own := *c // the caller's client keeps its own policy
	own.CheckRedirect = checkRedirect
	return &own
}

// checkRedirect takes the token off a request that goes to another host, port or scheme (net/http itself keeps it for
// subdomains and other ports) and refuses to leave https.
func checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) >= 10 {
		return errors.New("stopped after 10 redirects")
	}
	first := via[0].URL
	if first.Scheme == "https" && req.URL.Scheme != "https" {
		return fmt.Errorf("refused to follow a redirect from https to %s://%s", req.URL.Scheme, req.URL.Host)
	}
	if req.URL.Host != first.Host || req.URL.Scheme != first.Scheme {
		req.Header.Del("Authorization")
		req.Header.Del("Cookie")
	}
	return nil
}

// get sends a request; the token goes along only when the address is the Hub's own.
func (f *fetcher) get(ctx context.Context, address string, header http.Header) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	for k, v := range header {
		req.Header[k] = v
	}
	req.Header.Set("User-Agent", "latentgo")
	if f.opt.Token != "" && sameOrigin(f.opt.Endpoint, req.URL) {
		req.Header.Set("Authorization", "Bearer "+f.opt.Token)
	}
	resp, err := f.client.Do(req)
	if err != nil {
		return nil, newRequestError(req.URL.Host, err)
	}
	return resp, nil
}

// requestError is a request that got no answer. It matches ErrUnreachable unless it was refused on this side.
type requestError struct {
	host string
	err  error
}

// newRequestError takes the address out of net/http's error: it is long, and may hold a signature.
func newRequestError(host string, err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	return &requestError{host, err}
}

// Error names the host and the reason.
func (e *requestError) Error() string {
	if !e.Is(ErrUnreachable) {
		return e.host + ": " + e.err.Error()
	}
	return fmt.Sprintf("%s %v: %s", e.host, ErrUnreachable, e.reason())
}

// Unwrap gives the reason.
func (e *requestError) Unwrap() error { return e.err }

// Is makes errors of the network match ErrUnreachable.
func (e *requestError) Is(target error) bool {
	var network net.Error
	return target == ErrUnreachable && !errors.Is(e.err, context.Canceled) &&
		(errors.As(e.err, &network) || errors.Is(e.err, io.EOF) || errors.Is(e.err, io.ErrUnexpectedEOF))
}

// reason says why there was no answer, without the system calls and addresses of package net.
func (e *requestError) reason() string {
	var name *net.DNSError
	var network net.Error
	switch {
	case errors.As(e.err, &name):
		return "no address is known for this name"
	case syserr.Refused(e.err):
		return "connection refused"
	case errors.As(e.err, &network) && network.Timeout():
		return "no answer in time"
	case errors.Is(e.err, io.EOF), errors.Is(e.err, io.ErrUnexpectedEOF):
		return "the connection was closed"
	}
	return e.err.Error()
}

// sameOrigin reports whether u has the scheme, host and port of the endpoint.
func sameOrigin(endpoint string, u *url.URL) bool {
	e, err := url.Parse(endpoint)
	return err == nil && e.Scheme == u.Scheme && e.Host == u.Host
}

// statusError says what an HTTP status means for the user. Statuses that may go away are retried.
type statusError struct {
	code  int
	text  string
	err   error // sentinel, may be nil
	after time.Duration
}

// Error implements error.
func (e *statusError) Error() string { return e.text }

// Unwrap gives the sentinel.
func (e *statusError) Unwrap() error { return e.err }

// Is makes a host that is there but out of order match ErrUnreachable.
func (e *statusError) Is(target error) bool { return target == ErrUnreachable && e.temporary() }

// temporary reports whether the same request may succeed later.
func (e *statusError) temporary() bool {
	return e.code == http.StatusTooManyRequests || e.code == http.StatusRequestTimeout || e.code >= 500
}

// newStatusError reads the answer of a request that did not succeed. what is the repository or file that was asked for.
func (f *fetcher) newStatusError(resp *http.Response, what string) error {
	host := resp.Request.URL.Host
	e := &statusError{code: resp.StatusCode}
	switch resp.StatusCode {
	case http.StatusUnauthorized:
		e.err, e.text = ErrAccess, f.unauthorized(host, what)
	case http.StatusForbidden:
		e.err = ErrAccess
		e.text = fmt.Sprintf("%s refuses access to %s: if the model is gated, accept its terms on its page and set HF_TOKEN", host, what)
	case http.StatusNotFound:
		e.err, e.text = ErrNotFound, fmt.Sprintf("%s has no %s: check the spelling", host, what)
	default:
		e.text = fmt.Sprintf("%s answers %q for %s%s", host, resp.Status, what, bodyHint(resp.Body))
	}
	// Only the form in seconds; nobody waits for more than a minute.
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s > 0 {
		e.after = time.Duration(min(s, 60)) * time.Second
	}
	return e
}

// unauthorized explains status 401: the Hub gives it for repositories that do not exist, too.
func (f *fetcher) unauthorized(host, what string) string {
	if f.opt.Token != "" {
		return fmt.Sprintf("%s knows no %s for this HF_TOKEN: check the spelling and the token", host, what)
	}
	return fmt.Sprintf("%s has no public %s: check the spelling; for a private or gated model set HF_TOKEN", host, what)
}

// bodyHint returns the first line of a short text answer.
func bodyHint(r io.Reader) string {
	raw, _ := io.ReadAll(io.LimitReader(r, 200))
	line, _, _ := strings.Cut(strings.TrimSpace(string(raw)), "\n")
	if line == "" || strings.ContainsAny(line, "<\x00") {
		return ""
	}
	return ": " + line
}

// backoff is the pause before the next try after some failures in a row.
func backoff(failures int) time.Duration { return time.Second << min(failures-1, 4) }

// sleep waits for d or until ctx is done.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
