package convert

import (
	"context"
	"encoding/binary"
	"fmt"
	"path/filepath"

	"github.com/latentgo/latentgo/engine/internal/convert/calibration"
	"github.com/latentgo/latentgo/engine/internal/convert/codes"
	"github.com/latentgo/latentgo/engine/internal/convert/tensors"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/ggtype"
)

// tensorHeld, with a number behind it, is a window of the text that is held back, in a file of calibrated/: I32.
const tensorHeld = "held."

// calibratedFile returns the file of the cache for what a text shows of the model, and its key.
func (c *conversion) calibratedFile() (path, key string) {
	key = c.keyOf("calibrated")
	return filepath.Join(c.dir, "calibrated", key+".gguf"), key
}

// keepCalibration keeps what a text has shown in the cache, if there is one.
func (c *conversion) keepCalibration(ctx context.Context, known *codes.Calibration) error {
	if c.dir == "" {
		return nil
	}
	made, err := known.Keep()
	if err != nil {
		return err
	}
	for i, ids := range c.text.Held {
		b, err := binary.Append(nil, binary.LittleEndian, ids)
		if err != nil {
			return err
		}
		made.Add(fmt.Sprint(tensorHeld, i), ggtype.I32, b, len(ids))
	}
	path, key := c.calibratedFile()
	i := c.info
	return c.store(ctx, path, key, made, &Info{
		Calibration: i.Calibration, Text: i.Text, Tokens: i.Tokens, Seed: i.Seed, Source: i.Source, Fingerprint: i.Fingerprint,
	}, nil)
}

// keptCalibration returns what keepCalibration has kept, with the text that is held back; nil when there is nothing, or
// nothing of use.
func (c *conversion) keptCalibration() (known *codes.Calibration) {
	if c.dir == "" {
		return nil
	}
	path, key := c.calibratedFile()
	f, err := gguf.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	err = f.Guard(func() error {
		kept, err := cachedTensors(f, key)
		if err != nil {
			return err
		}
		held, err := c.takeHeld(kept)
		if err != nil {
			return err
		}
		if known, err = codes.Read(c.Spec, kept); err != nil {
			return err
		}
		if info := ReadInfo(f); info != nil {
			c.info.Calibration, c.info.Text, c.info.Tokens, c.info.Seed = info.Calibration, info.Text, info.Tokens, info.Seed
		}
		c.text = &calibration.Text{Held: held}
		return nil
	})
	if err != nil {
		return nil
	}
	return known
}

// takeHeld takes the windows of the text that is held back out of kept.
func (c *conversion) takeHeld(kept tensors.Map) (held [][]int32, err error) {
	set := tensors.Set{Made: kept}
	for i := 0; ; i++ {
		name := fmt.Sprint(tensorHeld, i)
		if set.Made[name] == nil {
			break
		}
		ids, err := set.Ints(name)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			if id < 0 || int(id) >= c.Spec.Vocab {
				return nil, fmt.Errorf("tensor %q: token %d is not in the vocabulary: %w", name, id, model.ErrInvalid)
			}
		}
		held = append(held, ids)
		delete(kept, name)
	}
	if len(held) == 0 {
		return nil, fmt.Errorf("tensor %q is missing: %w", tensorHeld+"0", model.ErrInvalid)
	}
	return held, nil
}
