package settings

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/templates"
)

// signedOutPath is the page after signing out, below the settings.
const signedOutPath = "/settings/signed-out"

// mountDoors adds the way in from the bare address of a tenant, and the page on the way
// out.
func (h *Handler) mountDoors(r gin.IRouter) {
	in := web.Page(h.Pages, func(c *gin.Context) error { return seeOther(c, web.Realm(c).Tenant.Path()+"/settings") })
	r.GET("", in)
	r.GET("/", in)
	r.GET(signedOutPath, web.Page(h.Pages, h.showSignedOut))
}

// showSignedOut says that nobody is signed in here any more. It tells what is so, and not
// what the address says: with a live session it leads to the settings.
func (h *Handler) showSignedOut(c *gin.Context) error {
	realm := web.Realm(c)
	who, err := h.sessionOf(c, realm)
	if err != nil {
		return err
	}
	home := realm.Tenant.Path() + "/settings"
	if who.Session.Live(who.User, h.Now()) {
		return seeOther(c, home)
	}
	return h.Pages.Render(c, http.StatusOK, templates.LogoutPage{Frame: h.Pages.Frame(c), Done: true, SignInURL: home})
}
