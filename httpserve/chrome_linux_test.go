package httpserve

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// chrome is a headless Chromium, which is spoken to by its DevTools protocol over two pipes.
// https://chromedevtools.github.io/devtools-protocol
type chrome struct {
	to      *os.File
	session string // of the page

	mu       sync.Mutex
	count    int
	waiting  map[int]chan reply
	problems []string // errors and warnings that the page has caused
}

type reply struct {
	Result json.RawMessage
	Error  *struct{ Message string }
}

// message is what comes from the browser: a reply, or an event.
type message struct {
	ID int
	reply
	Method string
	Params json.RawMessage
}

// startChrome starts the browser with one empty page.
func startChrome(t *testing.T, program string) *chrome {
	t.Helper()
	in, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe", "--user-data-dir="+t.TempDir(), "about:blank")
	cmd.ExtraFiles = []*os.File{in, out} // 3 and 4, as the flag wants them
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in.Close()
	out.Close()
	c := &chrome{to: to, waiting: map[int]chan reply{}}
	t.Cleanup(func() {
		to.Close() // which ends it
		ended := make(chan bool)
		go func() {
			cmd.Wait()
			close(ended)
		}()
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			cmd.Process.Kill()
			<-ended
		}
	})
	go c.read(from)
	var target struct{ TargetID string }
	c.call(t, "Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	c.call(t, "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	c.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log", "Network", "Accessibility"} {
		c.call(t, domain+".enable", nil, nil)
	}
	return c
}

// read takes messages, which end with a 0, until the browser ends.
func (c *chrome) read(from *os.File) {
	defer from.Close()
	for r := bufio.NewReader(from); ; {
		b, err := r.ReadBytes(0)
		if err != nil {
			return
		}
		var m message
		if err := json.Unmarshal(b[:len(b)-1], &m); err != nil {
			return
		}
		c.mu.Lock()
		if m.ID != 0 {
			c.waiting[m.ID] <- m.reply
			delete(c.waiting, m.ID)
		} else {
			c.note(m)
		}
		c.mu.Unlock()
	}
}

// note keeps what the page complains about.
func (c *chrome) note(m message) {
	text := string(m.Params)
	switch m.Method {
	case "Runtime.exceptionThrown":
	case "Runtime.consoleAPICalled":
		if !strings.Contains(text, `"type":"error"`) && !strings.Contains(text, `"type":"warning"`) {
			return
		}
	case "Log.entryAdded":
		if !strings.Contains(text, `"level":"error"`) && !strings.Contains(text, `"level":"warning"`) {
			return
		}
	default:
		return
	}
	c.problems = append(c.problems, m.Method+" "+text)
}

// call calls a method and decodes its result.
func (c *chrome) call(t *testing.T, method string, params, result any) {
	t.Helper()
	done := make(chan reply, 1)
	c.mu.Lock()
	c.count++
	id := c.count
	c.waiting[id] = done
	c.mu.Unlock()
	request := map[string]any{"id": id, "method": method}
	if params != nil {
		request["params"] = params
	}
	if c.session != "" {
		request["sessionId"] = c.session
	}
	b, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.to.Write(append(b, 0)); err != nil {
		t.Fatal(err)
	}
	select {
	case r := <-done:
		if r.Error != nil {
			t.Fatalf("%s: %s", method, r.Error.Message)
		}
		if result != nil {
			if err := json.Unmarshal(r.Result, result); err != nil {
				t.Fatalf("%s: %v", method, err)
			}
		}
	case <-time.After(2 * time.Minute):
		t.Fatalf("%s: no answer", method)
	}
}

// eval returns the value of an expression in the page.
func (c *chrome) eval(t *testing.T, expression string) any {
	t.Helper()
	var r struct {
		Result           struct{ Value any }
		ExceptionDetails json.RawMessage
	}
	c.call(t, "Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true}, &r)
	if r.ExceptionDetails != nil {
		t.Fatalf("%s: %s", expression, r.ExceptionDetails)
	}
	return r.Result.Value
}

// until waits until an expression is true.
func (c *chrome) until(t *testing.T, expression string) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); c.eval(t, "Boolean("+expression+")") != true; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s; the page says %v; %v", expression, c.eval(t, "document.body.innerText"), c.complaints())
		}
	}
}

// center scrolls to an element and returns the point in its middle.
func (c *chrome) center(t *testing.T, selector string) (x, y float64) {
	t.Helper()
	at := c.eval(t, fmt.Sprintf(`(() => {
		const e = document.querySelector(%q);
		e.scrollIntoView({block: "center", behavior: "instant"});
		const b = e.getBoundingClientRect();
		return [b.x + b.width / 2, b.y + b.height / 2];
	})()`, selector)).([]any)
	return at[0].(float64), at[1].(float64)
}

// mouse does something with the left button at a point.
func (c *chrome) mouse(t *testing.T, kind string, x, y float64) {
	t.Helper()
	c.call(t, "Input.dispatchMouseEvent", map[string]any{"type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1}, nil)
}

func (c *chrome) click(t *testing.T, selector string) {
	t.Helper()
	x, y := c.center(t, selector)
	c.mouse(t, "mousePressed", x, y)
	c.mouse(t, "mouseReleased", x, y)
}

// press presses a key on an element, so many times.
func (c *chrome) press(t *testing.T, selector, key string, code, times int) {
	t.Helper()
	c.eval(t, fmt.Sprintf("document.querySelector(%q).focus()", selector))
	for range times {
		for _, kind := range []string{"keyDown", "keyUp"} {
			event := map[string]any{"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code}
			if key == "Enter" && kind == "keyDown" {
				event["text"] = "\r"
			}
			c.call(t, "Input.dispatchKeyEvent", event, nil)
		}
	}
}

func (c *chrome) screenshot(t *testing.T) []byte {
	t.Helper()
	var shot struct{ Data string }
	c.call(t, "Page.captureScreenshot", map[string]any{"format": "webp", "quality": 60, "captureBeyondViewport": false}, &shot)
	b, err := base64.StdEncoding.DecodeString(shot.Data)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (c *chrome) complaints() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.problems
}
