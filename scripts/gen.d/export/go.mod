module wherry.invalid/export

go 1.24
