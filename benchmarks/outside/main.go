// Outside is everything around a contender that must not cost the cores it is measured on: the model it asks, and
// the broker's far ends, where events are put in and what comes out is counted. Standard library only.
//
//	outside --listen 127.0.0.1:8000 --redis 127.0.0.1:6379 --publish TOPIC --watch TOPIC
//	outside --version
//
// An event is known by its marker, evt-<run>-<number>, wherever it appears: in a prompt, in an outgoing event.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"runtime"
	"strings"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address of the model and of the questions below")
	redis := flag.String("redis", "127.0.0.1:6379", "the broker: topics are its streams")
	publish := flag.String("publish", "", "topic that events are put into")
	watch := flag.String("watch", "", "topics whose events are counted, a,b; none: only what is delivered over HTTP")
	version := flag.Bool("version", false, "say which Go built this, and end")
	flag.Parse()
	if *version {
		fmt.Println(runtime.Version())
		return
	}

	ledger := newLedger()
	model := newModel(ledger)
	if *watch != "" {
		for _, topic := range strings.Split(*watch, ",") {
			go watchTopic(*redis, topic, ledger)
		}
	}

	http.HandleFunc("POST /v1/chat/completions", model.complete)
	http.HandleFunc("GET /v1/models", model.list)
	http.HandleFunc("POST /model", model.set) // {"latency_ms": 200, "answers": {"generate-code": "…"}}
	http.HandleFunc("GET /model", model.tell)
	http.HandleFunc("POST /publish", publisher{*redis, *publish, ledger}.serve)
	http.HandleFunc("POST /await", ledger.await) // {"run", "seen", "patience_s"}
	http.HandleFunc("GET /runs/{run}/times", ledger.times)
	// The control run: a sidecar delivers here, to an app that does nothing.
	http.HandleFunc("GET /dapr/subscribe", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, []map[string]string{{"pubsubname": "agents-pubsub", "topic": *publish, "route": "/delivered"}})
	})
	http.HandleFunc("POST /delivered", ledger.delivered)
	http.HandleFunc("POST /spin", spin)
	// Receivers: of a webhook, and of telemetry by OTLP.
	for _, path := range []string{"/forget", "/v1/traces", "/v1/metrics"} {
		http.HandleFunc("POST "+path, forget)
	}
	log.Fatal(http.ListenAndServe(*listen, nil))
}

func forget(w http.ResponseWriter, request *http.Request) {
	_, _ = io.Copy(io.Discard, request.Body)
	w.WriteHeader(http.StatusOK)
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}

func refuse(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	problem := map[string]any{"message": message, "type": "invalid_request_error", "param": nil, "code": nil}
	_ = json.NewEncoder(w).Encode(map[string]any{"error": problem})
}
