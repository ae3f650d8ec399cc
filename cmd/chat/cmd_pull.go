package main

import "github.com/latentgo/latentgo/internal/models"

// pullCmd is `chat pull`: a model into the cache. Prints the path of its first file, with --json {"path": "…"}.
type pullCmd struct {
	jsonFlag
	modelFlag

	Name string `arg:"" optional:"" type:"nonempty" placeholder:"MODEL" help:"The model, as for -m."`
}

// Validate implements kong's hook.
func (c *pullCmd) Validate() error { return c.take(c.Name) }

// Run implements kong's command. A model that is here already is checked against its source.
func (c *pullCmd) Run(a *app) error {
	path, err := a.fetch(c.Model, models.Options{Refresh: true})
	if err != nil {
		return err
	}
	if c.JSON {
		return a.printJSON(map[string]string{"path": path})
	}
	a.printf("%s\n", path)
	return nil
}
