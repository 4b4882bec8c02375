-- +goose Up
-- Tokens that are bound to a key of the app's.

alter table grants add column cnf_jkt text not null default ''; -- RFC 7638 thumbprint; '' for none
