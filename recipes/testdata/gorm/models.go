package main

import "time"

type Author struct {
	ID    int64  `gorm:"primaryKey"`
	Name  string `gorm:"not null"`
	Email string `gorm:"not null;uniqueIndex"`
	Posts []Post
}

type Post struct {
	ID       int64  `gorm:"primaryKey"`
	AuthorID int64  `gorm:"not null;index"`
	Title    string `gorm:"not null;size:200;default:'untitled'"`
	At       time.Time
}
