# How the checks build: as the program is shipped (.packaging/dist.sh), so that its
# packages are compiled once for the tests, the tools and the binary together.
export CGO_ENABLED=0
[[ " $(go env GOFLAGS) " == *" -trimpath "* ]] || export GOFLAGS="$(go env GOFLAGS) -trimpath"
