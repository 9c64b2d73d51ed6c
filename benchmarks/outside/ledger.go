package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// A run is a set of numbered events that belong together. Times are nanoseconds since 1970, 0 where there is none.
type run struct {
	sent, seen []int64
	ids        [][]string // different ids of the events that came out for one that went in
	calls      []int      // of the model
	summaries  int        // calls that only condense a conversation
	sentCount  int
	seenCount  int
	repeated   int // events that came out again under an id that was seen
	moved      time.Time
	came       chan int // numbers, when first seen; nil unless somebody publishes in a closed loop
}

type ledger struct {
	mutex sync.Mutex
	runs  map[string]*run
}

func newLedger() *ledger { return &ledger{runs: map[string]*run{}} }

// marker finds evt-<run>-<number> in any text.
func marker(text []byte) (string, int, bool) {
	for {
		start := bytes.Index(text, []byte("evt-"))
		if start < 0 {
			return "", 0, false
		}
		text = text[start+4:]
		dash := 0
		for dash < len(text) && (text[dash] >= 'a' && text[dash] <= 'z' || isDigit(text[dash])) {
			dash++
		}
		end := dash + 1
		for end < len(text) && isDigit(text[end]) {
			end++
		}
		if dash > 0 && end > dash+1 && text[dash] == '-' {
			number, err := strconv.Atoi(string(text[dash+1 : end]))
			return string(text[:dash]), number, err == nil
		}
	}
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// of gives the run with room for the number. The lock is held.
func (l *ledger) of(name string, number int) *run {
	r := l.runs[name]
	if r == nil {
		r = &run{moved: time.Now()}
		l.runs[name] = r
	}
	if more := number + 1 - len(r.sent); more > 0 {
		more = max(more, len(r.sent)) // twice as large, so that growing stays cheap
		r.sent = append(r.sent, make([]int64, more)...)
		r.seen = append(r.seen, make([]int64, more)...)
		r.ids = append(r.ids, make([][]string, more)...)
		r.calls = append(r.calls, make([]int, more)...)
	}
	return r
}

// noteSent counts events from the moment at which they were due: being late with them is no merit of who gets them.
func (l *ledger) noteSent(name string, first, count int, due time.Time) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	r := l.of(name, first+count)
	for number := first; number < first+count; number++ {
		r.sent[number] = due.UnixNano()
	}
	r.sentCount += count
	r.moved = time.Now()
}

// noteSeen counts an event that came out.
func (l *ledger) noteSeen(event []byte, at time.Time) {
	name, number, found := marker(event)
	if !found {
		return
	}
	var envelope struct {
		ID string `json:"id"`
	}
	_ = json.Unmarshal(event, &envelope) // without an id it counts as the empty one
	l.mutex.Lock()
	defer l.mutex.Unlock()
	r := l.of(name, number)
	for _, id := range r.ids[number] {
		if id == envelope.ID {
			r.repeated++
			return
		}
	}
	r.ids[number] = append(r.ids[number], envelope.ID)
	if r.seen[number] == 0 {
		r.seen[number] = at.UnixNano()
		r.seenCount++
		r.moved = at
		if r.came != nil {
			r.came <- number
		}
	}
}

func (l *ledger) noteCall(prompt []byte, summary bool) {
	name, number, found := marker(prompt)
	if !found {
		return
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	r := l.of(name, number)
	if summary {
		r.summaries++
		return
	}
	r.calls[number]++
	if r.calls[number] == 1 { // whoever asks again and again gets no further
		r.moved = time.Now()
	}
}

// await answers when so many events have come out, or when nothing has moved for as long as it is patient.
func (l *ledger) await(w http.ResponseWriter, request *http.Request) {
	var asked struct {
		Run      string  `json:"run"`
		Seen     int     `json:"seen"`
		Patience float64 `json:"patience_s"`
	}
	if err := json.NewDecoder(request.Body).Decode(&asked); err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	patience := time.Duration(asked.Patience * float64(time.Second))
	asking := time.Now()
	for request.Context().Err() == nil {
		l.mutex.Lock()
		r := l.of(asked.Run, 0)
		seen, still := r.seenCount, time.Since(r.moved)
		l.mutex.Unlock()
		if seen >= asked.Seen || min(still, time.Since(asking)) > patience {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	answer(w, l.summary(asked.Run))
}

func (l *ledger) summary(name string) map[string]int {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	r := l.of(name, 0)
	doubled, calls, again := 0, 0, 0
	for number, ids := range r.ids {
		if len(ids) > 1 {
			doubled++
		}
		calls += r.calls[number]
		again += max(0, r.calls[number]-1)
	}
	return map[string]int{
		"sent": r.sentCount, "seen": r.seenCount, "doubled": doubled, "repeated": r.repeated,
		"calls": calls, "calls_again": again, "summaries": r.summaries,
	}
}

func (l *ledger) times(w http.ResponseWriter, request *http.Request) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	r := l.of(request.PathValue("run"), 0)
	answer(w, map[string][]int64{"sent": r.sent, "seen": r.seen})
}

func (l *ledger) delivered(w http.ResponseWriter, request *http.Request) {
	body, _ := io.ReadAll(request.Body)
	l.noteSeen(body, time.Now())
	answer(w, map[string]string{"status": "SUCCESS"})
}

// spin does a fixed piece of arithmetic and tells how long that took: what this machine is worth at the moment.
func spin(w http.ResponseWriter, _ *http.Request) {
	block := make([]byte, 1<<20)
	began := time.Now()
	for range 200 {
		sum := sha256.Sum256(block)
		copy(block, sum[:])
	}
	answer(w, map[string]float64{"seconds": time.Since(began).Seconds()})
}
