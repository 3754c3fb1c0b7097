module github.com/InterCooperative-Network/icn-core/tools/manpages

go 1.26.0

require (
	github.com/InterCooperative-Network/icn-core v0.0.0
	github.com/cpuguy83/go-md2man/v2 v2.0.6
	github.com/spf13/cobra v1.10.2
	github.com/spf13/pflag v1.0.10
)

require (
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
	github.com/russross/blackfriday/v2 v2.1.0 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
)

replace github.com/InterCooperative-Network/icn-core => ../..
