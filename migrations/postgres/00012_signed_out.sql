-- +goose Up
-- What a user had proved before signing out everywhere counts no more, wherever it was begun.

alter table users add column signed_out_at timestamptz;
