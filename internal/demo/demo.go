// Package demo runs the whole product in one process, for a look and for tests:
// a server with six tenants, a shop that uses it, and a mailbox that takes the
// place of mail and phones.
package demo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/seal"
	"github.com/sallyport-id/sallyport/internal/server"
	"github.com/sallyport-id/sallyport/internal/setup"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/store"
)

// Options are the flags of `sallyport demo`.
type Options struct {
	Listen     string // host:port of the server; port 0 picks one
	ShopListen string // host:port of the shop; port 0 picks one
	Data       string // folder for database and key ring; "" keeps nothing
	Database   string // PostgreSQL URL or SQLite file; "" is a file in Data
	PublicURL  string // of the server; "" is http and Listen
	TestClock  bool
	OnNetwork  bool      // allow listeners that others can reach
	Out        io.Writer // what is told to the person who started it
	// Ready is called once everything is set up; nil for nobody.
	Ready func(d *Demo)
}

// Demo is a demo that runs.
type Demo struct {
	URL     string
	ShopURL string
	Server  *server.Server
	Clock   *Clock
	Mailbox *Mailbox

	scenes atomic.Pointer[[]scene]
	seeded chan struct{} // closed when scenes is set, or never will be
	ring   *seal.Ring
	hashes *identity.Hasher
}

// ErrNetwork: the demo has well-known passwords and shows every code, so it does
// not listen where others can reach it.
var ErrNetwork = errors.New("the demo listens on this machine only, since its passwords and codes are open to everybody who can reach it; to do it all the same, add --demo-on-network")

// Run runs a demo until ctx ends.
func Run(ctx context.Context, o Options) error {
	err := o.check()
	if err != nil {
		return err
	}
	listener, shopListener, err := o.listen(ctx)
	if err != nil {
		return err
	}
	db, ring, cleanUp, err := o.open(ctx)
	if err != nil {
		return errors.Join(err, listener.Close(), shopListener.Close())
	}
	defer cleanUp()
	d := &Demo{Clock: &Clock{}, ring: ring, URL: o.publicURL(listener), ShopURL: "http://" + shopListener.Addr().String()}
	d.hashes, err = identity.NewHasher(identity.DefaultCost)
	if err == nil {
		err = d.build(db, o)
	}
	if err != nil {
		return errors.Join(err, listener.Close(), shopListener.Close())
	}
	return d.serve(ctx, o, listener, shopListener)
}

func (o Options) check() error {
	for _, address := range []string{o.Listen, o.ShopListen} {
		if !web.Loopback(address) && !o.OnNetwork {
			return fmt.Errorf("%s: %w", address, ErrNetwork)
		}
	}
	if o.PublicURL == "" {
		return nil
	}
	u, err := url.Parse(o.PublicURL)
	if err != nil || u.Host == "" || u.Path != "" || u.Scheme != "https" && (u.Scheme != "http" || !web.Loopback(u.Host)) {
		return fmt.Errorf("--public-url %q must be https://host[:port], or http on this machine, without a path", o.PublicURL)
	}
	return nil
}

func (o Options) listen(ctx context.Context) (server, shop net.Listener, err error) {
	var lc net.ListenConfig
	server, err = lc.Listen(ctx, "tcp", o.Listen)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot listen on %s: %w (choose another with --listen)", o.Listen, err)
	}
	shop, err = lc.Listen(ctx, "tcp", o.ShopListen)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("cannot listen on %s: %w (choose another with --shop-listen)", o.ShopListen, err), server.Close())
	}
	return server, shop, nil
}

// publicURL is what the person typed, with the port that was really opened:
// localhost stays localhost, since that is what browsers and passkeys know.
func (o Options) publicURL(l net.Listener) string {
	if o.PublicURL != "" {
		return o.PublicURL
	}
	host, _, _ := net.SplitHostPort(o.Listen)
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return "http://" + net.JoinHostPort(host, port)
}

// open opens database and key ring. Without --data and --database both lie in a
// folder that is removed at the end.
func (o Options) open(ctx context.Context) (*store.DB, *seal.Ring, func(), error) {
	folder, remove, err := o.folder()
	if err != nil {
		return nil, nil, nil, err
	}
	address := o.Database
	if address == "" {
		address = filepath.Join(folder, "sallyport.db")
	}
	db, err := store.Open(ctx, address, store.Options{})
	if err != nil {
		remove()
		return nil, nil, nil, err
	}
	cleanUp := func() {
		_ = db.Close() // the process ends anyway
		remove()
	}
	_, err = server.Migrate(ctx, db)
	if err != nil {
		cleanUp()
		return nil, nil, nil, err
	}
	ring, err := server.Keys(ctx, db, filepath.Join(folder, "keys.yaml"), time.Now)
	if err != nil {
		cleanUp()
		return nil, nil, nil, err
	}
	return db, ring, cleanUp, nil
}

// folder is where files go. A database of one's own without --data has its key
// ring in the user's configuration folder, under a name made from its address.
func (o Options) folder() (path string, remove func(), err error) {
	keep := func() {}
	switch {
	case o.Data != "":
		return o.Data, keep, os.MkdirAll(o.Data, 0o700)
	case o.Database != "":
		base, err := os.UserConfigDir()
		if err != nil {
			return "", keep, fmt.Errorf("where should the key ring lie? Add --data DIR: %w", err)
		}
		sum := sha256.Sum256([]byte(o.Database))
		path = filepath.Join(base, "sallyport", "demo-"+hex.EncodeToString(sum[:6]))
		return path, keep, os.MkdirAll(path, 0o700)
	}
	path, err = os.MkdirTemp("", "sallyport-demo-")
	return path, func() { _ = os.RemoveAll(path) }, err
}

func (d *Demo) build(db *store.DB, o Options) error {
	public, err := url.Parse(d.URL)
	if err != nil {
		return err
	}
	d.seeded = make(chan struct{})
	d.Mailbox = &Mailbox{Now: d.Clock.Now, Tenant: d.tenant}
	r := &routes{
		mailbox: d.Mailbox, clock: d.Clock, scenes: d.cast, shopURL: d.ShopURL, testClock: o.TestClock,
		issuer: func(slug string) string { return d.URL + "/t/" + slug },
	}
	d.Server, err = server.New(server.Options{
		DB: db, Ring: d.ring, Hashes: d.hashes, PublicURL: public, Sender: d.Mailbox, Now: d.Clock.Now,
		Ready: func() bool { return d.scenes.Load() != nil },
		Extra: func(e gin.IRouter, pages *web.Pages) {
			r.pages = pages
			r.mount(e)
		},
	})
	return err
}

// Ring is the demo's key ring, for writing further tenants.
func (d *Demo) Ring() *seal.Ring { return d.ring }

// cast is what is set up. Whoever asks while it still is being set up waits.
func (d *Demo) cast(ctx context.Context) []scene {
	select {
	case <-d.seeded:
	case <-ctx.Done():
	}
	s := d.scenes.Load()
	if s == nil {
		return nil
	}
	return *s
}

// tenant is the tenant with this id; a tenant that is not there is nameless.
func (d *Demo) tenant(id string) identity.Tenant {
	realm, err := d.Server.Realms.AtLeast(context.Background(), id, 0)
	if err != nil {
		return identity.Tenant{}
	}
	return realm.Tenant
}

// serve opens the doors, and sets the tenants up behind them: the first request
// waits for nothing but its own tenant.
func (d *Demo) serve(ctx context.Context, o Options, listener, shopListener net.Listener) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 3)
	go func() { ended <- server.Serve(ctx, listener, d.Server.Handler) }()
	scenes, err := d.seed(ctx)
	if err == nil {
		err = d.nameSubs(ctx, scenes)
	}
	if err == nil {
		d.scenes.Store(&scenes)
	}
	close(d.seeded)
	if err != nil {
		stop()
		return errors.Join(err, <-ended, shopListener.Close())
	}
	shop := newShop(&web.Pages{Set: d.Server.Pages.Set, Now: d.Clock.Now, FormTargets: []string{d.URL}}, d.Clock, d.ShopURL, d.URL+"/", d.doors(scenes))
	go func() { ended <- server.Serve(ctx, shopListener, shop.Handler(server.Static(d.Server.Pages.Set))) }()
	go func() { d.Server.Run(ctx); ended <- nil }()
	d.greet(o)
	if o.Ready != nil {
		o.Ready(d)
	}
	err = <-ended
	stop()
	return errors.Join(err, <-ended, <-ended)
}

// seed writes the tenants that are not there yet: first their doors, so that the
// first request has little to wait for, then who lives there. Passwords are hashed
// meanwhile.
func (d *Demo) seed(ctx context.Context) ([]scene, error) {
	list, err := scenes(d.ring, d.URL, d.ShopURL+callbackPath)
	if err != nil {
		return nil, err
	}
	public, err := url.Parse(d.URL)
	if err != nil {
		return nil, err
	}
	missing, err := d.missing(ctx, list)
	if err != nil || len(missing) == 0 {
		return list, err
	}
	type hashed struct {
		hashes map[string]string
		err    error
	}
	ready := make(chan hashed, 1)
	go func() {
		hashes, err := hashPasswords(func(password string) (string, error) { return d.hashes.Hash(ctx, password) })
		ready <- hashed{hashes, err}
	}()
	s := &setup.Setup{
		Rows: d.Server.Store, Factors: d.Server.Factors, Ring: d.ring, Peppers: server.Peppers(d.ring), Hashes: d.hashes,
		PublicURL: public, Now: d.Clock.Now, Author: "demo", Age: settled,
	}
	err = d.applyEach(ctx, s, missing, scene.doors)
	if err != nil {
		return nil, err
	}
	people := <-ready
	if people.err != nil {
		return nil, people.err
	}
	return list, d.applyEach(ctx, s, missing, func(sc scene) setup.Tenant { return sc.inhabitants(people.hashes) })
}

// applyEach writes a part of each tenant. Whoever asked for a tenant before it was
// there made the server remember, for a second, that there is none; so it is told.
func (d *Demo) applyEach(ctx context.Context, s *setup.Setup, list []scene, part func(scene) setup.Tenant) error {
	for _, sc := range list {
		_, err := s.Apply(ctx, setup.File{Tenants: []setup.Tenant{part(sc)}})
		if err == nil {
			err = d.Server.Realms.Refresh(ctx)
		}
		if err != nil {
			return fmt.Errorf("demo: %w", err)
		}
	}
	return nil
}

func (d *Demo) doors(scenes []scene) []door {
	var doors []door
	for _, s := range scenes {
		for _, a := range s.apps {
			if a.ID == shopClient {
				doors = append(doors, door{s.house.slug, s.house.name, d.URL + "/t/" + s.house.slug, a.Secret})
			}
		}
	}
	return doors
}

// greet tells where everything is.
func (d *Demo) greet(o Options) {
	_, err := fmt.Fprintf(o.Out, `
Sallyport demo is running. Everything in it is made up; do not expose it.

  Start here   %s/          accounts, passwords, links
  Shop         %s/          sign in, ask for a payout
  Mailbox      %s/_mailbox  every code that is sent

Stop it with Ctrl-C.
`, d.URL, d.ShopURL, d.URL)
	if err != nil {
		slog.Warn("cannot write the greeting", "err", err)
	}
}
