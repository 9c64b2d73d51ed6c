package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"strings"
	"time"
)

// How a run's events are offered: all at once; at a rate; or in a closed loop, a new one for each that came out, so
// that never more than `outstanding` are inside. A closed loop begins spread over `spread_s`, else its first events
// would go round as one crowd.
type offer struct {
	Run         string  `json:"run"`
	Template    string  `json:"template"` // of the CloudEvent; evt-template-0 stands where the marker goes
	Events      int     `json:"events"`
	Rate        float64 `json:"rate"`
	Outstanding int     `json:"outstanding"`
	Spread      float64 `json:"spread_s"`
	Seconds     float64 `json:"seconds"` // end of a closed loop; 0: when all events were offered
}

type publisher struct {
	redis, topic string
	ledger       *ledger
}

const batch = 100

func (p publisher) serve(w http.ResponseWriter, request *http.Request) {
	var asked offer
	if err := json.NewDecoder(request.Body).Decode(&asked); err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	connection, err := dial(p.redis)
	if err == nil {
		defer connection.Close()
		switch {
		case asked.Outstanding > 0:
			err = p.loop(connection, asked)
		case asked.Rate > 0:
			err = p.pace(connection, asked)
		default:
			err = p.burst(connection, asked)
		}
	}
	if err != nil {
		refuse(w, http.StatusBadGateway, err.Error())
		return
	}
	answer(w, p.ledger.summary(asked.Run))
}

func (p publisher) burst(c *connection, asked offer) error {
	for first := 0; first < asked.Events; first += batch {
		if err := p.send(c, asked, first, min(batch, asked.Events-first), time.Now()); err != nil {
			return err
		}
	}
	return nil
}

func (p publisher) pace(c *connection, asked offer) error {
	began := time.Now()
	for number := range asked.Events {
		due := began.Add(time.Duration(float64(number) / asked.Rate * float64(time.Second)))
		time.Sleep(time.Until(due))
		if err := p.send(c, asked, number, 1, due); err != nil {
			return err
		}
	}
	return nil
}

func (p publisher) loop(c *connection, asked offer) error {
	p.ledger.mutex.Lock()
	came := make(chan int, asked.Events)
	p.ledger.of(asked.Run, 0).came = came
	p.ledger.mutex.Unlock()
	began := time.Now()
	end := began.Add(time.Duration(asked.Seconds * float64(time.Second)))
	if asked.Seconds == 0 {
		end = began.Add(time.Hour)
	}
	crowd := min(asked.Outstanding, asked.Events)
	gap := time.Duration(asked.Spread / float64(crowd) * float64(time.Second))
	for number := range crowd {
		time.Sleep(time.Until(began.Add(time.Duration(number) * gap)))
		if err := p.send(c, asked, number, 1, time.Now()); err != nil {
			return err
		}
	}
	timeout := time.After(time.Until(end))
	for next := crowd; next < asked.Events; {
		select {
		case <-came:
			count := 1
			for len(came) > 0 && count < min(batch, asked.Events-next) {
				<-came
				count++
			}
			if err := p.send(c, asked, next, count, time.Now()); err != nil {
				return err
			}
			next += count
		case <-timeout:
			return nil
		}
	}
	return nil
}

// send puts events into the topic as the sidecar would: one field, the CloudEvent.
func (p publisher) send(c *connection, asked offer, first, count int, due time.Time) error {
	p.ledger.noteSent(asked.Run, first, count, due)
	for number := first; number < first+count; number++ {
		event := strings.ReplaceAll(asked.Template, "evt-template-0", fmt.Sprintf("evt-%s-%d", asked.Run, number))
		c.write("XADD", p.topic, "*", "data", event)
	}
	if err := c.Flush(); err != nil {
		return err
	}
	for range count {
		if _, err := c.read(); err != nil {
			return err
		}
	}
	return nil
}

// watchTopic reads what comes out, from the beginning and for ever.
func watchTopic(redis, topic string, l *ledger) {
	connection, err := dial(redis)
	last := "0"
	for err == nil {
		connection.write("XREAD", "COUNT", "1000", "BLOCK", "1000", "STREAMS", topic, last)
		if err = connection.Flush(); err != nil {
			break
		}
		var reply any
		if reply, err = connection.read(); reply == nil {
			continue // nothing came within the second
		}
		now := time.Now()
		for _, entry := range list(list(list(reply)[0])[1]) { // one stream: its name, its entries
			id, fields := list(entry)[0], list(list(entry)[1])
			last = string(id.([]byte))
			for i := 0; i+1 < len(fields); i += 2 {
				if string(fields[i].([]byte)) == "data" {
					l.noteSeen(fields[i+1].([]byte), now)
				}
			}
		}
	}
	log.Fatalf("watching %s: %v", topic, err)
}

func list(value any) []any { return value.([]any) }
