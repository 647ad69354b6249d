// Prints the structs of Go packages as JSON: field names, tags, types and comment markers, and no prose.
// Usage: export MODULE=DIR ... PACKAGE ...  (a package is MODULE/path; DIR is where the module's source lies)
package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

// Type is a Go type expression. Exactly one of the forms is set.
type Type struct {
	Name  string `json:"name,omitempty"` // int32, or import/path.Name
	Ptr   *Type  `json:"ptr,omitempty"`
	Slice *Type  `json:"slice,omitempty"`
	Key   *Type  `json:"key,omitempty"`
	Value *Type  `json:"value,omitempty"`
	Any   bool   `json:"any,omitempty"`
}

type Field struct {
	Name     string   `json:"name"`
	Embedded bool     `json:"embedded,omitempty"`
	Tag      string   `json:"tag,omitempty"`
	Type     Type     `json:"type"`
	Markers  []string `json:"markers,omitempty"`
}

type Decl struct {
	Package string   `json:"package"`
	Name    string   `json:"name"`
	Struct  bool     `json:"struct,omitempty"`
	Type    *Type    `json:"type,omitempty"`
	Fields  []Field  `json:"fields,omitempty"`
	Markers []string `json:"markers,omitempty"`
}

type Output struct {
	Groups map[string]string `json:"groups"`
	Decls  []Decl            `json:"decls"`
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "export:", err)
	os.Exit(1)
}

func main() {
	modules := map[string]string{}
	out := Output{Groups: map[string]string{}}
	for _, arg := range os.Args[1:] {
		if module, dir, ok := strings.Cut(arg, "="); ok {
			modules[module] = dir
			continue
		}
		if err := exportPackage(arg, directoryOf(arg, modules), &out); err != nil {
			fail(err)
		}
	}
	sort.SliceStable(out.Decls, func(i, j int) bool {
		a, b := out.Decls[i], out.Decls[j]
		return a.Package < b.Package || (a.Package == b.Package && a.Name < b.Name)
	})
	if err := json.NewEncoder(os.Stdout).Encode(out); err != nil {
		fail(err)
	}
}

func directoryOf(pkg string, modules map[string]string) string {
	for module, dir := range modules {
		if pkg == module || strings.HasPrefix(pkg, module+"/") {
			return filepath.Join(dir, strings.TrimPrefix(pkg, module))
		}
	}
	fail(fmt.Errorf("no module for package %s", pkg))
	return ""
}

func exportPackage(pkg, dir string, out *Output) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("no Go files in %s", dir)
	}
	for _, name := range files {
		base := filepath.Base(name)
		if strings.HasSuffix(base, "_test.go") || strings.HasPrefix(base, "zz_generated") || base == "generated.pb.go" {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		exportFile(pkg, file, out)
	}
	return nil
}

func exportFile(pkg string, file *ast.File, out *Output) {
	imports := map[string]string{}
	for _, imported := range file.Imports {
		path, _ := strconv.Unquote(imported.Path.Value)
		local := filepath.Base(path)
		if imported.Name != nil {
			local = imported.Name.Name
		}
		imports[local] = path
	}
	for _, decl := range file.Decls {
		general, ok := decl.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range general.Specs {
			switch spec := spec.(type) {
			case *ast.ValueSpec:
				exportGroupName(pkg, spec, out)
			case *ast.TypeSpec:
				doc := spec.Doc
				if doc == nil {
					doc = general.Doc
				}
				exportType(pkg, spec, doc, imports, out)
			}
		}
	}
}

func exportGroupName(pkg string, spec *ast.ValueSpec, out *Output) {
	if len(spec.Names) != 1 || spec.Names[0].Name != "GroupName" || len(spec.Values) != 1 {
		return
	}
	if literal, ok := spec.Values[0].(*ast.BasicLit); ok {
		out.Groups[pkg], _ = strconv.Unquote(literal.Value)
	}
}

func exportType(pkg string, spec *ast.TypeSpec, doc *ast.CommentGroup, imports map[string]string, out *Output) {
	if !spec.Name.IsExported() || spec.TypeParams != nil {
		return
	}
	decl := Decl{Package: pkg, Name: spec.Name.Name, Markers: markersOf(doc)}
	if structure, ok := spec.Type.(*ast.StructType); ok {
		decl.Struct = true
		for _, field := range structure.Fields.List {
			exportField(pkg, field, imports, &decl)
		}
	} else {
		t := typeOf(pkg, spec.Type, imports)
		decl.Type = &t
	}
	out.Decls = append(out.Decls, decl)
}

func exportField(pkg string, field *ast.Field, imports map[string]string, decl *Decl) {
	out := Field{Type: typeOf(pkg, field.Type, imports), Markers: markersOf(field.Doc)}
	if field.Tag != nil {
		out.Tag, _ = strconv.Unquote(field.Tag.Value)
	}
	if len(field.Names) == 0 {
		t := out.Type
		if t.Ptr != nil {
			t = *t.Ptr
		}
		out.Embedded = true
		out.Name = t.Name[strings.LastIndex(t.Name, ".")+1:]
		decl.Fields = append(decl.Fields, out)
		return
	}
	for _, name := range field.Names {
		if name.IsExported() {
			out.Name = name.Name
			decl.Fields = append(decl.Fields, out)
		}
	}
}

// markersOf keeps the comment lines that are instructions to generators (+optional, +listType=map, ...).
func markersOf(doc *ast.CommentGroup) []string {
	if doc == nil {
		return nil
	}
	var markers []string
	for _, line := range strings.Split(doc.Text(), "\n") {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "+") && !strings.HasPrefix(line, "+k8s:") {
			markers = append(markers, line[1:])
		}
	}
	return markers
}

func typeOf(pkg string, expr ast.Expr, imports map[string]string) Type {
	switch expr := expr.(type) {
	case *ast.Ident:
		if expr.IsExported() {
			return Type{Name: pkg + "." + expr.Name}
		}
		return Type{Name: expr.Name}
	case *ast.SelectorExpr:
		return Type{Name: imports[expr.X.(*ast.Ident).Name] + "." + expr.Sel.Name}
	case *ast.StarExpr:
		t := typeOf(pkg, expr.X, imports)
		return Type{Ptr: &t}
	case *ast.ArrayType:
		t := typeOf(pkg, expr.Elt, imports)
		return Type{Slice: &t}
	case *ast.MapType:
		key, value := typeOf(pkg, expr.Key, imports), typeOf(pkg, expr.Value, imports)
		return Type{Key: &key, Value: &value}
	default:
		return Type{Any: true}
	}
}
