-- Descriptions that came as HTML, safe to be shown as they are; `description` has their words.
alter table product add column description_html text;
