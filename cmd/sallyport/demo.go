package main

import (
	"context"
	"io"

	"github.com/sallyport-id/sallyport/internal/demo"
)

type demoCommand struct {
	Listen        string `default:"localhost:8080" help:"Where the server listens."`
	ShopListen    string `default:"127.0.0.1:8081" help:"Where the demo shop listens."`
	Data          string `placeholder:"DIR" help:"Folder to keep database and key ring in. Without it and --database nothing is kept."`
	Database      string `placeholder:"URL" help:"PostgreSQL URL, or a SQLite file."`
	PublicURL     string `name:"public-url" placeholder:"URL" help:"URL under which browsers reach the server, such as https://host:port behind a proxy."`
	TestClock     bool   `help:"Let POST /_demo/clock move the clock forward."`
	DemoOnNetwork bool   `help:"Listen where others can reach it, although passwords and codes are open."`
}

// Run runs the demo until it is told to stop.
func (c demoCommand) Run(ctx context.Context, out io.Writer) error {
	return demo.Run(ctx, demo.Options{
		Listen: c.Listen, ShopListen: c.ShopListen, Data: c.Data, Database: c.Database, PublicURL: c.PublicURL,
		TestClock: c.TestClock, OnNetwork: c.DemoOnNetwork, Out: out,
	})
}
