# syntax=docker/dockerfile:1
# The server and nothing else: a static binary on an image without shell, package
# manager or root.

FROM golang:1.26 AS build
WORKDIR /src
ENV CGO_ENABLED=0
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    go build -trimpath -ldflags='-s -w' -o /out/sallyport ./cmd/sallyport
# A named volume takes over the owner of the folder that it is mounted on.
RUN mkdir -m 0700 /out/data

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/sallyport /usr/local/bin/sallyport
COPY --from=build --chown=65532:65532 /out/data /var/lib/sallyport
COPY LICENSE /LICENSE

USER 65532:65532
WORKDIR /var/lib/sallyport
VOLUME /var/lib/sallyport
# In a container the host decides who may reach these.
ENV SALLYPORT_LISTEN=0.0.0.0:8080 \
    SALLYPORT_METRICS_LISTEN=0.0.0.0:9090 \
    SALLYPORT_KEY_RING=/var/lib/sallyport/keys.yaml
EXPOSE 8080 9090

# There is no HEALTHCHECK: it would have to run a program in the container, and there
# is no shell and no curl. Ask from outside: /healthz (the process lives) and /readyz
# (it can serve), as an orchestrator's HTTP probes do.
ENTRYPOINT ["/usr/local/bin/sallyport"]
CMD ["serve"]
