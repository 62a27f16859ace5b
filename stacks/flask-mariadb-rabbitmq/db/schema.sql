CREATE TABLE items (
    id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name varchar(200) NOT NULL CHECK (name <> ''),
    created_at timestamp(3) NOT NULL DEFAULT current_timestamp(3)
);
