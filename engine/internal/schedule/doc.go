// Package schedule lets any number of sessions evaluate tokens on one model, in passes that they share.
//
// There is no goroutine: whoever asks while nobody runs a pass runs one for all who wait (the leader), and when its own
// tokens are done the one that has waited longest leads. A session that is alone thus calls the model and nothing else.
//
// A pass takes the decode steps of all who wait, or parts of their prompts. A pass of prompts is paused between its layers
// for passes of steps, so that these take about twice as long as they would alone, and as long as there were some a
// moment ago it is so small that a layer does not take longer than they do (pace). Before a pass, and before layers go
// on, the leader waits a little for those whose steps were in the last one and who are about to come back with the next
// (gather): otherwise sessions fall out of step, and passes of few rows follow one another.
//
// Beside that it counts what Options bounds (Counter), and lets one call at a time have a session (Use).
//
// What a session computes does not depend on any of this, see model.Run; models that are not Shareable give each
// session passes of its own.
package schedule
