package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// What the model answers unless it is told otherwise: valid for the prompt generate-code (tests/unit/benchmarks holds it to that).
//
//go:embed answer.json
var content []byte

// How the memory of dapr-agents begins the second call that it makes for each event.
var summarize = []byte("Summarize the following conversation")

type model struct {
	ledger                *ledger
	latency               atomic.Int64 // nanoseconds
	inFlight, most        atomic.Int64
	completion, condensed []byte
	told                  atomic.Pointer[map[string][]byte] // answers by the name of the schema that is asked for
}

func newModel(l *ledger) *model {
	return &model{
		ledger:     l,
		completion: completion(string(bytes.TrimSpace(content))),
		condensed:  completion(`{"summary": "The developer wrote the code that the specification asks for."}`),
	}
}

func (m *model) complete(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	var schema string
	if err == nil {
		schema, err = wellFormed(body)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	now := m.inFlight.Add(1)
	for most := m.most.Load(); now > most && !m.most.CompareAndSwap(most, now); most = m.most.Load() {
	}
	summary := bytes.Contains(body, summarize)
	m.ledger.noteCall(body, summary)
	time.Sleep(time.Duration(m.latency.Load()))
	m.inFlight.Add(-1)
	w.Header().Set("Content-Type", "application/json")
	if summary {
		_, _ = w.Write(m.condensed)
	} else {
		_, _ = w.Write(m.answerTo(schema))
	}
}

func (m *model) answerTo(schema string) []byte {
	if told := m.told.Load(); told != nil {
		if answer, found := (*told)[schema]; found {
			return answer
		}
	}
	return m.completion
}

// invalid says what a request lacks, as the API would.
type invalid string

func (i invalid) Error() string { return string(i) }

// wellFormed gives the name of the schema that the answer has to fit, if there is one.
func wellFormed(body []byte) (string, error) {
	var asked struct {
		Model    string `json:"model"`
		Messages []struct {
			Role      string          `json:"role"`
			Content   json.RawMessage `json:"content"`
			ToolCalls json.RawMessage `json:"tool_calls"`
		} `json:"messages"`
		Stream         bool `json:"stream"`
		ResponseFormat *struct {
			Type   string `json:"type"`
			Schema *struct {
				Name string `json:"name"`
			} `json:"json_schema"`
		} `json:"response_format"`
	}
	if err := json.Unmarshal(body, &asked); err != nil {
		return "", err
	}
	if asked.Model == "" || len(asked.Messages) == 0 {
		return "", invalid("a chat completion needs model and messages")
	}
	if asked.Stream {
		return "", invalid("this model does not stream")
	}
	for _, message := range asked.Messages {
		switch message.Role {
		case "system", "developer", "user", "assistant", "tool":
		default:
			return "", invalid("a message's role is system, developer, user, assistant or tool, not " + message.Role)
		}
		if len(message.ToolCalls) == 0 && (len(message.Content) < 2 || message.Content[0] != '"' && message.Content[0] != '[') {
			return "", invalid("a message's content is a text or a list of parts")
		}
	}
	if format := asked.ResponseFormat; format != nil {
		if format.Type != "text" && format.Type != "json_object" && format.Type != "json_schema" {
			return "", invalid("unknown response_format " + format.Type)
		}
		if format.Type == "json_schema" {
			if format.Schema == nil {
				return "", invalid("response_format json_schema needs json_schema")
			}
			return format.Schema.Name, nil
		}
	}
	return "", nil
}

func completion(text string) []byte {
	body, err := json.Marshal(map[string]any{
		"id": "chatcmpl-1", "object": "chat.completion", "created": 1_700_000_000, "model": "bench",
		"choices": []any{map[string]any{
			"index": 0, "finish_reason": "stop", "logprobs": nil,
			"message": map[string]any{"role": "assistant", "content": text, "refusal": nil},
		}},
		"usage": map[string]int{"prompt_tokens": 300, "completion_tokens": 160, "total_tokens": 460},
	})
	if err != nil {
		panic(err)
	}
	return body
}

func (m *model) list(w http.ResponseWriter, _ *http.Request) {
	one := map[string]any{"id": "bench", "object": "model", "created": 1_700_000_000, "owned_by": "benchmark"}
	answer(w, map[string]any{"object": "list", "data": []any{one}})
}

func (m *model) set(w http.ResponseWriter, request *http.Request) {
	var wanted struct {
		Latency float64           `json:"latency_ms"`
		Answers map[string]string `json:"answers"` // by the name of their schema; left as they were where there are none
	}
	if err := json.NewDecoder(request.Body).Decode(&wanted); err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	m.latency.Store(int64(wanted.Latency * float64(time.Millisecond)))
	m.most.Store(m.inFlight.Load())
	if wanted.Answers != nil {
		told := map[string][]byte{}
		for name, text := range wanted.Answers {
			told[name] = completion(text)
		}
		m.told.Store(&told)
	}
	m.tell(w, request)
}

func (m *model) tell(w http.ResponseWriter, _ *http.Request) {
	answer(w, map[string]float64{
		"latency_ms":     float64(m.latency.Load()) / float64(time.Millisecond),
		"in_flight_most": float64(m.most.Load()),
	})
}
