DROP TABLE idempotent_replies;
