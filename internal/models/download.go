package models

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/latentgo/latentgo/internal/syserr"
)

// remoteFile is one file to download.
type remoteFile struct {
	name   string // path in its repository; the last element names the local file
	url    string
	size   int64  // bytes, 0 when unknown
	sha256 string // lower-case hex, "" when unknown
}

// maxFailures is how many tries in a row may bring nothing before a download is given up.
const maxFailures = 5

// stallTimeout ends a connection that brings no byte for so long. Tests shorten it.
var stallTimeout = 30 * time.Second

// errStalled is the cause of a try that stallTimeout ended.
var errStalled = errors.New("no data")

// download fetches file to dst, resuming what an earlier try left and retrying while there is progress.
func (f *fetcher) download(ctx context.Context, file remoteFile, dst string) error {
	p, err := openPart(dst)
	if err != nil {
		return err
	}
	begun := false
	for failures := 1; ; failures++ {
		before := p.size
		err = f.try(ctx, file, p)
		if err == nil {
			return p.Commit(file)
		}
		if p.size > before {
			begun, failures = true, 1
		}
		wait, ok := f.retry(err, failures, begun)
		if !ok || ctx.Err() != nil {
			return f.giveUp(ctx, p, err)
		}
		f.report(Progress{Step: StepRetry, File: file.name, Source: err.Error(), Done: p.size, Total: file.size})
		if sleep(ctx, wait) != nil {
			return f.giveUp(ctx, p, err)
		}
	}
}

// giveUp closes the part, which stays for the next run unless it cannot be of use.
func (f *fetcher) giveUp(ctx context.Context, p *partFile, err error) error {
	switch {
	case syserr.DiskFull(err):
		p.Discard()
		return fmt.Errorf("%w: free some disk space, or set LATENTGO_CACHE to another disk", err)
	case errors.Is(err, ErrNotGGUF) || p.size == 0:
		p.Discard()
	default:
		_ = p.Close()
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// retry says how long to wait before the next try, and whether there should be one. A host that cannot be reached is
// only waited for when it has sent something in this run.
func (f *fetcher) retry(err error, failures int, begun bool) (time.Duration, bool) {
	var status *statusError
	if errors.As(err, &status) {
		return max(status.after, f.backoff(failures)), status.temporary() && failures <= 3
	}
	var request *requestError
	again := errors.Is(err, errCut) || errors.Is(err, errRestart) || begun && errors.As(err, &request)
	return f.backoff(failures), again && failures <= maxFailures
}

// errCut marks errors of a connection that had begun to deliver.
var errCut = errors.New("connection cut")

// errRestart asks for another try from the first byte.
var errRestart = errors.New("the server does not continue the file; starting again")

// try makes one request for the bytes that are missing and appends them.
func (f *fetcher) try(ctx context.Context, file remoteFile, p *partFile) error {
	if file.size > 0 && p.size == file.size {
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	f.report(Progress{Step: StepConnect, File: file.name, Source: hostOf(file.url), Done: p.size, Total: file.size})
	// Without a hash only the server's validator can tell whether both halves are of the same file.
	if p.size > 0 && file.sha256 == "" && p.ETag() == "" || file.size > 0 && p.size > file.size {
		if err := p.Reset(); err != nil {
			return err
		}
	}
	resp, err := f.get(ctx, file.url, rangeHeader(p))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	total, err := f.prepare(resp, file, p)
	if err != nil {
		return err
	}
	w := &watch{f: f, p: p, file: file, total: total, source: resp.Request.URL.Hostname(), cancel: cancel}
	return w.copy(ctx, resp.Body)
}

// rangeHeader asks for the rest of p, on condition that the file is still the same where the server can tell.
func rangeHeader(p *partFile) http.Header {
	h := http.Header{"Accept-Encoding": {"identity"}} // ranges count bytes of the file, not of its compressed form
	if p.size > 0 {
		h.Set("Range", fmt.Sprintf("bytes=%d-", p.size))
		if tag := p.ETag(); tag != "" {
			h.Set("If-Range", tag)
		}
	}
	return h
}

// prepare checks that the answer continues p, or empties p when it starts again. It returns the file's full size, 0 if
// unknown.
func (f *fetcher) prepare(resp *http.Response, file remoteFile, p *partFile) (int64, error) {
	total := int64(0)
	switch resp.StatusCode {
	case http.StatusOK: // the whole file: asked for, or the range was not honoured
		if err := p.Reset(); err != nil {
			return 0, err
		}
		total = max(resp.ContentLength, 0)
	case http.StatusPartialContent:
		first, all, ok := contentRange(resp.Header.Get("Content-Range"))
		if !ok || first != p.size {
			return 0, errors.Join(errRestart, p.Reset())
		}
		total = all
	case http.StatusRequestedRangeNotSatisfiable: // the file there is shorter than what is here
		return 0, errors.Join(errRestart, p.Reset())
	default:
		return 0, f.newStatusError(resp, file.name)
	}
	if file.size > 0 && total > 0 && total != file.size {
		return 0, fmt.Errorf("%s: %w: %s offers %d bytes, expected %d", file.name, ErrHash, resp.Request.URL.Host, total, file.size)
	}
	p.SetETag(strongETag(resp.Header.Get("ETag")))
	return max(total, file.size), nil
}

// contentRange reads "bytes FIRST-LAST/TOTAL"; total is 0 for "*".
func contentRange(s string) (first, total int64, ok bool) {
	var last int64
	if n, _ := fmt.Sscanf(s, "bytes %d-%d/%d", &first, &last, &total); n == 3 {
		return first, total, last >= first
	}
	n, _ := fmt.Sscanf(s, "bytes %d-%d/*", &first, &last)
	return first, 0, n == 2 && last >= first
}

// strongETag returns tag if it may be used in If-Range (RFC 9110, section 13.1.5), else "".
func strongETag(tag string) string {
	if len(tag) < 2 || strings.HasPrefix(tag, "W/") || tag[0] != '"' {
		return ""
	}
	return tag
}

// hostOf returns the host of an address, for messages.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Hostname()
}

// watch copies one answer to a part, reports progress and ends connections that stall.
type watch struct {
	f      *fetcher
	p      *partFile
	file   remoteFile
	total  int64
	source string
	cancel context.CancelCauseFunc
}

// copy reads body to its end. Fewer bytes than announced are errCut.
func (w *watch) copy(ctx context.Context, body io.Reader) error {
	stall := time.AfterFunc(stallTimeout, func() { w.cancel(errStalled) })
	defer stall.Stop()
	r := bufio.NewReaderSize(body, 256<<10)
	if err := w.checkMagic(r); err != nil {
		return w.explain(ctx, err)
	}
	buf := make([]byte, 256<<10)
	for {
		n, err := r.Read(buf)
		stall.Reset(stallTimeout)
		if _, werr := w.p.Write(buf[:n]); werr != nil {
			return werr
		}
		w.f.report(Progress{Step: StepDownload, File: w.file.name, Source: w.source, Done: w.p.size, Total: w.total})
		if err != nil {
			return w.explain(ctx, err)
		}
	}
}

// checkMagic makes sure that a file's first bytes are GGUF's: many wrong addresses answer with a page.
func (w *watch) checkMagic(r *bufio.Reader) error {
	if w.p.size > 0 {
		return nil
	}
	b, err := r.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if string(b) != "GGUF" {
		b, _ = r.Peek(16)
		return fmt.Errorf("%s: %w: it starts with %q; is this the address of the file itself?", w.file.name, ErrNotGGUF, b)
	}
	return nil
}

// explain turns the end of a body into nil (complete) or the reason why it ended early.
func (w *watch) explain(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, ErrNotGGUF):
		return err
	case errors.Is(context.Cause(ctx), errStalled):
		return fmt.Errorf("%s: %w for %v: %w", w.source, errStalled, stallTimeout, errCut)
	case !errors.Is(err, io.EOF):
		return fmt.Errorf("%s: %w at byte %d: %w", w.source, errCut, w.p.size, err)
	case w.total > 0 && w.p.size < w.total:
		return fmt.Errorf("%s: %w at byte %d of %d", w.source, errCut, w.p.size, w.total)
	}
	return nil
}
