package model

type scan struct{}
