-- +goose Up
-- A tenant's own words for codes.

alter table tenants add column texts text not null default ''; -- JSON; '' for ours
