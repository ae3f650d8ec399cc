package chat

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// maxDepth is how deep JSON values may lie in each other.
const maxDepth = 150

// decodeOrdered decodes one JSON value: objects as Object, lists as []any,
// numbers as json.Number, and the rest as encoding/json does.
func decodeOrdered(data []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	v, err := decodeValue(dec, 0)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("%w: more text behind the JSON value", ErrConversation)
	}
	return v, nil
}

// decodeValue decodes the next value.
func decodeValue(dec *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("%w: JSON nested deeper than %d", ErrConversation, maxDepth)
	}
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch tok {
	case json.Delim('{'):
		return decodeObject(dec, depth)
	case json.Delim('['):
		return decodeList(dec, depth)
	}
	return tok, nil
}

// decodeObject decodes what follows a "{".
func decodeObject(dec *json.Decoder, depth int) (any, error) {
	var fields []Field
	at := map[string]int{}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, err
		}
		name := key.(string) // the decoder accepts nothing else here
		v, err := decodeValue(dec, depth+1)
		if err != nil {
			return nil, err
		}
		if i, ok := at[name]; ok {
			fields[i].Value = v
			continue
		}
		at[name] = len(fields)
		fields = append(fields, Field{name, v})
	}
	_, err := dec.Token()
	return Object{fields}, err
}

// decodeList decodes what follows a "[".
func decodeList(dec *json.Decoder, depth int) (any, error) {
	items := []any{}
	for dec.More() {
		v, err := decodeValue(dec, depth+1)
		if err != nil {
			return nil, err
		}
		items = append(items, v)
	}
	_, err := dec.Token()
	return items, err
}
