# For contributors. Users need only the two commands in README.md.

.PHONY: test check bench generate

test:      ; go run ./cmd/chat pull && go test ./...
check:     ; .ci/run
bench:     ; go test -run '^$$' -bench . ./internal/kernel ./internal/attention ./attn/... ./internal/pool ./engine/sample
generate:  ; go generate ./...
