package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
)

// socket speaks just enough HTTP/1.1 over one kept-open connection to load a server
// without costing as much as it does: both sides of a comparison are loaded
// through it.
type socket struct {
	conn net.Conn
	in   *bufio.Reader
	out  bytes.Buffer
	body []byte
}

func dialSocket(addr string) (*socket, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &socket{conn: c, in: bufio.NewReaderSize(c, 16<<10)}, nil
}

// do sends a request and reads the answer; the body is good until the next call.
func (w *socket) do(head string, body []byte) (status int, answer []byte, err error) {
	w.out.Reset()
	w.out.WriteString(head)
	w.out.WriteString("Content-Length: ")
	w.out.WriteString(strconv.Itoa(len(body)))
	w.out.WriteString("\r\n\r\n")
	w.out.Write(body)
	if _, err := w.conn.Write(w.out.Bytes()); err != nil {
		return 0, nil, err
	}
	line, err := w.in.ReadString('\n')
	if err != nil {
		return 0, nil, err
	}
	if len(line) < 12 {
		return 0, nil, fmt.Errorf("answer %q", line)
	}
	if status, err = strconv.Atoi(line[9:12]); err != nil {
		return 0, nil, err
	}
	length := -1
	for {
		line, err := w.in.ReadString('\n')
		if err != nil {
			return 0, nil, err
		}
		if line == "\r\n" {
			break
		}
		if name, v, _ := strings.Cut(line, ":"); strings.EqualFold(name, "content-length") {
			if length, err = strconv.Atoi(strings.TrimSpace(v)); err != nil {
				return 0, nil, err
			}
		}
	}
	w.body = w.body[:0]
	if length >= 0 {
		return status, w.body, w.take(length)
	}
	for { // chunked
		line, err := w.in.ReadString('\n')
		if err != nil {
			return 0, nil, err
		}
		n, err := strconv.ParseInt(strings.TrimSpace(line), 16, 32)
		if err != nil {
			return 0, nil, err
		}
		if err := w.take(int(n)); err != nil {
			return 0, nil, err
		}
		if _, err := w.in.ReadString('\n'); err != nil || n == 0 {
			return status, w.body, err
		}
	}
}

func (w *socket) take(n int) error {
	at := len(w.body)
	if cap(w.body) < at+n {
		w.body = append(make([]byte, 0, 2*(at+n)), w.body...)
	}
	w.body = w.body[:at+n]
	_, err := io.ReadFull(w.in, w.body[at:])
	return err
}
