// A stranger's check of a log, with what Debian has of golang.org/x/mod/sumdb and nothing of ours:
//
//	verify KEY FOLDER RUN [CHECKPOINT]
//
// The signature of FOLDER/checkpoint; that each leaf of the run is in the log; that the log continues an older checkpoint. FOLDER
// is in the form of C2SP tlog-tiles. Prints how many leaves name the run.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// checkpoint opens a signed note whose text is origin, size and root hash.
func checkpoint(path, key string) tlog.Tree {
	text, err := os.ReadFile(path)
	must(err)
	verifier, err := note.NewVerifier(key)
	must(err)
	n, err := note.Open(text, note.VerifierList(verifier))
	must(err)
	lines := strings.Split(n.Text, "\n")
	if len(lines) < 4 || lines[0] != verifier.Name() {
		log.Fatalf("not a checkpoint of %s", verifier.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err)
	var tree tlog.Tree
	root, err := base64.StdEncoding.DecodeString(lines[2])
	must(err)
	if copy(tree.Hash[:], root) != len(root) || len(root) != tlog.HashSize {
		log.Fatal("the root hash is malformed")
	}
	tree.N = size
	return tree
}

func name(n int64, width int) string {
	s := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		s = fmt.Sprintf("x%03d/%s", n%1000, s)
	}
	if width < 256 {
		s += fmt.Sprintf(".p/%d", width)
	}
	return s
}

type folder string

func (f folder) Height() int                     { return 8 }
func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}
func (f folder) ReadTiles(tiles []tlog.Tile) (data [][]byte, err error) {
	for _, t := range tiles {
		b, err := os.ReadFile(fmt.Sprintf("%s/tile/%d/%s", f, t.L, name(t.N, t.W)))
		if err != nil {
			return nil, err
		}
		data = append(data, b)
	}
	return data, nil
}

func (f folder) leaves(size int64) (leaves [][]byte) {
	for n := int64(0); n*256 < size; n++ {
		width := min(size-n*256)
		b, err := os.ReadFile(fmt.Sprintf("%s/tile/entries/%s", f, name(n, width)))
		must(err)
		for len(b) > 0 {
			end := 2 + int(binary.BigEndian.Uint16(b))
			leaves = append(leaves, b[2:end])
			b = b[end:]
		}
	}
	return leaves
}

func min(n int64) int {
	if n < 256 {
		return int(n)
	}
	return 256
}

func main() {
	key, f, run := os.Args[1], folder(os.Args[2]), os.Args[3]
	tree := checkpoint(string(f)+"/checkpoint", key)
	reader := tlog.TileHashReader(tree, f) // authenticates every tile against the signed root
	leaves, found := f.leaves(tree.N), 0
	if int64(len(leaves)) != tree.N {
		log.Fatalf("%d leaves, %d are signed", len(leaves), tree.N)
	}
	for i, leaf := range leaves {
		if !strings.Contains(string(leaf), `"run":"`+run+`"`) {
			continue
		}
		proof, err := tlog.ProveRecord(tree.N, int64(i), reader)
		must(err)
		must(tlog.CheckRecord(proof, tree.N, tree.Hash, int64(i), tlog.RecordHash(leaf)))
		found++
	}
	if len(os.Args) > 4 {
		old := checkpoint(os.Args[4], key)
		proof, err := tlog.ProveTree(tree.N, old.N, reader)
		must(err)
		must(tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash))
	}
	fmt.Println(found)
}
