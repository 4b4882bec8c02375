-- +goose Up
-- Confirmations of users whom an app has logged in itself.

alter table grants add column vouched text not null default ''; -- JSON: by whom, when, as what; '' for nobody
