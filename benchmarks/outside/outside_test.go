package main

import (
	"io"
	"net"
	"testing"
	"time"
)

func seen(l *ledger, events ...string) map[string]int {
	for _, event := range events {
		l.noteSeen([]byte(event), time.Now())
	}
	return l.summary("a")
}

func TestAMarkerIsFoundInAnyText(t *testing.T) {
	for text, wanted := range map[string]int{"evt-a-7": 7, "evt- evt-x evt-a-12, evt-b-1": 12, "evt-a-": -1, "": -1} {
		name, number, found := marker([]byte(text))
		if found != (wanted >= 0) || found && (name != "a" || number != wanted) {
			t.Errorf("%q: %q %d %v", text, name, number, found)
		}
	}
}

func TestAResultUnderAnotherIDIsDoubledAndUnderTheSameRepeated(t *testing.T) {
	l := newLedger()
	got := seen(l, `{"id":"1","data":"evt-a-0"}`, `{"id":"2","data":"evt-a-0"}`, `{"id":"2","data":"evt-a-0"}`, `{"id":"3","data":"evt-a-1"}`)
	if got["seen"] != 2 || got["doubled"] != 1 || got["repeated"] != 1 {
		t.Error(got)
	}
}

func TestOnlyTheFirstCallForAnEventIsMovement(t *testing.T) {
	l := newLedger()
	l.noteCall([]byte("evt-a-0"), false)
	moved := l.of("a", 0).moved
	l.noteCall([]byte("evt-a-0"), false)
	l.noteCall([]byte("evt-a-0"), true)
	if got := l.summary("a"); got["calls"] != 2 || got["calls_again"] != 1 || got["summaries"] != 1 {
		t.Error(got)
	}
	if l.of("a", 0).moved != moved {
		t.Error("asking again counts as movement")
	}
}

func TestAPacedEventCountsFromWhenItWasDue(t *testing.T) {
	ours, theirs := net.Pipe()
	go func() { // a broker that is slow with every answer
		for buffer := make([]byte, 4096); ; {
			if _, err := theirs.Read(buffer); err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
			_, _ = io.WriteString(theirs, "+1-0\r\n")
		}
	}()
	p := publisher{"", "topic", newLedger()}
	if err := p.pace(over(ours), offer{Run: "a", Template: "evt-template-0", Events: 5, Rate: 1000}); err != nil {
		t.Fatal(err)
	}
	sent := p.ledger.of("a", 0).sent
	for number := 1; number < 5; number++ {
		if gap := time.Duration(sent[number] - sent[number-1]); gap != time.Millisecond {
			t.Errorf("event %d was due %v after the one before", number, gap)
		}
	}
}
