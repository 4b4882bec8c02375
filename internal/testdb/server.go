package testdb

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// errNoServer says that this machine has no PostgreSQL to start.
var errNoServer = errors.New("no PostgreSQL server found: install the package postgresql or set TEST_DATABASE_URL")

// shared is the one server of this process. A start takes most of a second, and
// databases within it are as good as servers for a test.
var shared = sync.OnceValues(func() (*pgServer, error) {
	var err error
	// Between choosing a free port and listening on it, another may take it.
	for range 3 {
		var s *pgServer
		s, err = start()
		if err == nil || errors.Is(err, errNoServer) {
			return s, err
		}
	}
	return nil, err
})

type pgServer struct {
	url   string
	guard io.Closer // closing it ends the server; so does the death of this process
	ended chan struct{}
	log   bytes.Buffer // complete once ended is closed
}

// guardScript runs the server and ends it, by its pid, when its own input ends:
// when the test binary closes the pipe or dies, however it dies. The files go
// with the server, and the log comes out.
const guardScript = `
exec 3<&0
"$@" 3<&- </dev/null >"$DIR/log" 2>&1 &
pid=$!
(cat <&3; kill -QUIT $pid) >/dev/null 2>&1 &
wait $pid
cat "$DIR/log"
rm -rf "$DIR"
`

func start() (*pgServer, error) {
	bin, err := find()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "sallyport-pg-")
	if err != nil {
		return nil, err
	}
	who, err := owner(dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	password := rand.Text()
	err = initdb(bin, dir, password, who)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	port, err := freePort()
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	s := &pgServer{
		url:   fmt.Sprintf("postgres://sallyport:%s@127.0.0.1:%d/postgres?sslmode=disable", password, port),
		ended: make(chan struct{}),
	}
	err = s.run(bin, dir, port, who)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	err = s.wait(30 * time.Second)
	if err != nil {
		closing := s.guard.Close()
		<-s.ended
		return nil, errors.Join(fmt.Errorf("start PostgreSQL: %w\n%s", err, &s.log), closing)
	}
	return s, nil
}

// find returns the folder of the newest server that Debian's packages installed,
// or of the one on the path.
func find() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	best, version := "", 0
	for _, f := range found {
		n, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(f))))
		if err == nil && n > version {
			best, version = filepath.Dir(f), n
		}
	}
	if best != "" {
		return best, nil
	}
	initdb, err := exec.LookPath("initdb")
	if err != nil {
		return "", errNoServer
	}
	return filepath.Dir(initdb), nil
}

// owner gives dir to the user who will run the server: PostgreSQL refuses to run
// as root. For anyone else it is the user who runs the tests, and nil.
func owner(dir string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, fmt.Errorf("%w: it does not run as root, and there is no user postgres or nobody", errNoServer)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	err = os.Chown(dir, int(uid), int(gid))
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// command prepares a program of the server: as who, in dir, and in a process
// group of its own, so that Ctrl-C at the tests does not reach it before its
// guard does.
func command(who *syscall.Credential, dir, name string, args ...string) *exec.Cmd {
	c := exec.Command(name, args...)
	c.Dir = dir
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC", "HOME=" + dir, "DIR=" + dir}
	c.SysProcAttr = &syscall.SysProcAttr{Credential: who, Setpgid: true}
	return c
}

// initdb makes the files of a server. Anyone on this machine can reach the port,
// so it asks for a password.
func initdb(bin, dir, password string, who *syscall.Credential) error {
	file := filepath.Join(dir, "password")
	err := os.WriteFile(file, []byte(password+"\n"), 0o600)
	if err != nil {
		return err
	}
	if who != nil {
		err = os.Chown(file, int(who.Uid), int(who.Gid))
		if err != nil {
			return err
		}
	}
	c := command(who, dir, filepath.Join(bin, "initdb"), "--pgdata", filepath.Join(dir, "data"),
		"--username", "sallyport", "--auth", "password", "--pwfile", file,
		"--encoding", "UTF8", "--locale", "C", "--no-sync")
	text, err := c.CombinedOutput()
	if err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, text)
	}
	return nil
}

// run starts the server under its guard. It gives up durability for speed: the
// files do not outlive the tests.
func (s *pgServer) run(bin, dir string, port int, who *syscall.Credential) error {
	c := command(who, dir, "/bin/sh", "-c", guardScript, "guard",
		filepath.Join(bin, "postgres"), "-D", filepath.Join(dir, "data"),
		"-c", "listen_addresses=127.0.0.1", "-c", "port="+strconv.Itoa(port),
		"-c", "unix_socket_directories=", "-c", "max_connections=200",
		"-c", "shared_buffers=64MB", "-c", "jit=off",
		"-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")
	c.Stdout = &s.log
	guard, err := c.StdinPipe()
	if err != nil {
		return err
	}
	err = c.Start()
	if err != nil {
		return err
	}
	s.guard = guard
	go func() {
		defer close(s.ended)
		_ = c.Wait() // how it ended is in the log
	}()
	return nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// wait returns when the server answers.
func (s *pgServer) wait(patience time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	db, err := sql.Open("pgx", s.url)
	if err != nil {
		return err
	}
	defer db.Close()
	for {
		err = db.PingContext(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}
		// It is another process, which tells nobody that it is ready.
		select {
		case <-s.ended:
			return errors.New("the server ended")
		case <-time.After(20 * time.Millisecond):
		}
	}
}
