package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/latentgo/latentgo/cmd/chat/internal/human"
	"github.com/latentgo/latentgo/internal/models"
)

// listCmd is `chat list`: the models in the cache, with the names that -m finds them by. Nothing is fetched. With
// --json {"dir": "…", "models": [{"name": "…", "path": "…", "parts": 1, "size": 98362432, "modified": "…"}]}.
type listCmd struct {
	jsonFlag
}

// listed is what `chat list --json` prints.
type listed struct {
	Dir    string          `json:"dir"`
	Models []models.Cached `json:"models"`
}

// Run implements kong's command.
func (c *listCmd) Run(a *app) error {
	dir, err := models.CacheDir()
	if err != nil {
		return err
	}
	found, err := models.List(dir)
	if err != nil {
		return err
	}
	if c.JSON {
		return a.printJSON(listed{dir, append([]models.Cached{}, found...)})
	}
	if len(found) == 0 {
		a.note("no models in %s: chat pull fetches one", dir)
		return nil
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(w, "NAME\tSIZE\tMODIFIED\n")
	for _, m := range found {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", human.Line(m.Name), human.Size(m.Size), m.Modified.Format("2006-01-02 15:04"))
	}
	return w.Flush()
}
