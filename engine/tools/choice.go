package tools

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Mode says whether an answer calls tools.
type Mode string

const (
	// Auto leaves it to the model. A call that it begins is held to its form and to the tool's schema. "" is Auto, too.
	Auto Mode = "auto"
	// None offers no tools.
	None Mode = "none"
	// Required makes the answer a call, or several; thoughts may come before.
	Required Mode = "required"
)

// Choice is which tools an answer calls. The zero value is Auto.
type Choice struct {
	Mode Mode
	// Name is the one tool that the answer may call; "" means any of the conversation's.
	Name string
	// Single allows one call at most. Some formats have never more than one: see docs/tools.md.
	Single bool
}

// ErrChoice is wrapped by errors about a choice that has no meaning.
var ErrChoice = errors.New("bad choice of tools")

// UnmarshalJSON reads the tool_choice of the OpenAI API: "auto", "none", "required", or one function by its name, which
// is then required.
func (c *Choice) UnmarshalJSON(data []byte) error {
	var mode Mode
	if json.Unmarshal(data, &mode) == nil {
		*c = Choice{Mode: mode}
		return c.check()
	}
	var one struct {
		Type, Name string
		Function   struct{ Name string }
	}
	if err := json.Unmarshal(data, &one); err != nil {
		return fmt.Errorf("%w: %w", ErrChoice, err)
	}
	if one.Name == "" {
		one.Name = one.Function.Name
	}
	if one.Type != "function" || one.Name == "" {
		return fmt.Errorf("%w: an object needs the type \"function\" and a name", ErrChoice)
	}
	*c = Choice{Mode: Required, Name: one.Name}
	return nil
}

func (c Choice) check() error {
	switch c.Mode {
	case "", Auto, Required:
		return nil
	case None:
		if c.Name == "" {
			return nil
		}
		return fmt.Errorf("%w: %q with the name %q", ErrChoice, c.Mode, c.Name)
	}
	return fmt.Errorf("%w: mode %q is none of auto, none, required", ErrChoice, c.Mode)
}
