package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
)

// connection speaks as much of Redis' protocol (RESP 2) as streams need. Commands are gathered until Flush.
type connection struct {
	net.Conn
	reader *bufio.Reader
	writer *bufio.Writer
}

func dial(address string) (*connection, error) {
	socket, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return over(socket), nil
}

func over(socket net.Conn) *connection {
	return &connection{socket, bufio.NewReaderSize(socket, 1<<20), bufio.NewWriterSize(socket, 1<<20)}
}

func (c *connection) write(words ...string) {
	fmt.Fprintf(c.writer, "*%d\r\n", len(words))
	for _, word := range words {
		fmt.Fprintf(c.writer, "$%d\r\n%s\r\n", len(word), word)
	}
}

func (c *connection) Flush() error { return c.writer.Flush() }

// read gives []byte, int64, []any, or nil for Redis' own nothing.
func (c *connection) read() (any, error) {
	line, err := c.reader.ReadString('\n')
	if err != nil {
		return nil, err
	}
	kind, rest := line[0], line[1:len(line)-2]
	switch kind {
	case '+':
		return []byte(rest), nil
	case '-':
		return nil, errors.New("redis: " + rest)
	}
	size, err := strconv.ParseInt(rest, 10, 64)
	switch {
	case err != nil:
		return nil, err
	case kind == ':':
		return size, nil
	case size < 0:
		return nil, nil
	case kind == '$':
		text := make([]byte, size+2)
		_, err := io.ReadFull(c.reader, text)
		return text[:size], err
	case kind == '*':
		values := make([]any, size)
		for i := range values {
			if values[i], err = c.read(); err != nil {
				return nil, err
			}
		}
		return values, nil
	}
	return nil, fmt.Errorf("redis: unknown reply %q", line)
}
