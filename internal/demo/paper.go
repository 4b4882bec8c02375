package demo

import (
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/templates"
)

// paperPath is where the help or the privacy notice of a demo tenant is.
func paperPath(slug, about string) string { return "/_demo/" + slug + "/" + about }

// showPaper answers with the page that stands where a tenant of one's own would have
// its help or its privacy notice: links of live pages lead here.
func (r *routes) showPaper(c *gin.Context) error {
	scenes := r.scenes(c.Request.Context())
	if scenes == nil {
		return errNotReady
	}
	about := c.Param("about")
	i := slices.IndexFunc(scenes, func(s scene) bool { return s.house.slug == c.Param("slug") })
	if i < 0 || about != templates.PaperHelp && about != templates.PaperPrivacy {
		return &web.Failure{Status: http.StatusNotFound, Problem: templates.ErrorNotFound}
	}
	return r.pages.Render(c, http.StatusOK, templates.DemoPaperPage{Demo: r.frame(c), About: about, Of: scenes[i].house.name})
}
