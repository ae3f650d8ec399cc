package main

import "github.com/latentgo/latentgo/internal/models"

// pullCmd is `chat pull`: a model into the cache. Prints the path of its first file, with --json {"path": "…"}.
type pullCmd struct {
	jsonFlag
	loadFlags

	Name string `arg:"" optional:"" placeholder:"MODEL" help:"The model, as for -m."`
}

// Run implements kong's command. A model that is here already is checked against its source.
func (c *pullCmd) Run(a *app) error {
	name := c.Name
	if name == "" {
		name = c.Model
	} else if c.Model != "" {
		return usagef("pull", "the model is named twice: %q and -m %q", name, c.Model)
	}
	path, err := a.fetch(name, models.Options{Refresh: true})
	if err != nil {
		return err
	}
	if c.JSON {
		return a.printJSON(map[string]string{"path": path})
	}
	a.printf("%s\n", path)
	return nil
}
