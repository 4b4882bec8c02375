// Command sallyport is the server and all that goes with it.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"
)

// commands is the whole command line.
type commands struct {
	Demo        demoCommand    `cmd:"" help:"Run everything on this machine, with made-up tenants, a shop and a mailbox."`
	Serve       serveCommand   `cmd:"" help:"Run the server."`
	Migrate     migrateCommand `cmd:"" help:"Change the database schema."`
	Apply       applyCommand   `cmd:"" help:"Write tenants, policies, apps and users as a file describes them."`
	Sub         subCommand     `cmd:"" help:"Print the sub of accounts, which is how apps know them."`
	CheckConfig checkCommand   `cmd:"" help:"Read a configuration and say what is wrong with it."`
	Version     versionCommand `cmd:"" help:"Print the version."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is main without the process: it returns the exit code. Who names no command is shown
// all of them.
func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	if len(args) == 0 {
		_ = run(ctx, []string{"--help"}, errOut, errOut)
		return 2
	}
	var c commands
	code := -1
	parser, err := kong.New(&c,
		kong.Name("sallyport"),
		kong.Description("OAuth2 and OpenID Connect server with multi-factor confirmation built in."),
		kong.UsageOnError(),
		kong.Writers(out, errOut),
		kong.Exit(func(n int) { code = n }),
	)
	if err != nil {
		_, _ = fmt.Fprintln(errOut, "sallyport:", err)
		return 2
	}
	k, err := parser.Parse(args)
	if code >= 0 {
		return code // --help
	}
	if err != nil {
		_, _ = fmt.Fprintf(errOut, "sallyport: %v\nSee sallyport --help.\n", err)
		return 2
	}
	k.BindTo(ctx, (*context.Context)(nil))
	k.BindTo(out, (*io.Writer)(nil))
	err = k.Run()
	if err != nil {
		_, _ = fmt.Fprintln(errOut, "sallyport:", err)
		return 1
	}
	return 0
}

type versionCommand struct{}

// Run prints the version of the binary, as far as it was built with one.
func (versionCommand) Run(out io.Writer) error {
	version := "unknown"
	info, ok := debug.ReadBuildInfo()
	if ok {
		version = info.Main.Version
	}
	_, err := fmt.Fprintln(out, "sallyport", version)
	return err
}
